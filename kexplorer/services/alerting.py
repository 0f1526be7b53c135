"""Watches the lag of a cluster for the sake of rules, and tells of what they find."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from kexplorer.model.alerts import Alert, AlertRule, AlertStates, Measured
from kexplorer.model.failure import Failure
from kexplorer.services.lag_watch import LagWatch, Sampled
from kexplorer.services.webhook import post
from kexplorer.store.alerts import AlertLog


class Alerting:
    """Subscribes to all groups while there are rules. Each alert is noted in `log`, given to `told`, and sent to the
    webhook of its rule; what of that fails is given to `failed`. All on the loop."""

    def __init__(
        self,
        connection: str,
        watch: LagWatch,
        log: AlertLog,
        told: Callable[[Alert], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self._connection = connection
        self._watch = watch
        self._log = log
        self._told = told
        self._failed = failed
        self._rules: Mapping[str, AlertRule] = {}
        self._states = AlertStates()
        self._stop: Callable[[], None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def use(self, rules: Mapping[str, AlertRule]) -> None:
        """From now on these, by name. Those that hold and stay the same are not told again."""
        self._rules = rules
        if rules and self._stop is None:
            self._stop = self._watch.subscribe(None, self._sampled)
        elif not rules and self._stop:
            self._stop()
            self._stop = None

    async def close(self) -> None:
        """What is being sent is given up."""
        self.use({})
        for task in self._sending:
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending)

    def _sampled(self, sampled: Sampled) -> None:
        measured = {
            name: Measured(lag, self._watch.behind(name), sampled.verdicts[name])
            for name, seen in sampled.groups.items()
            if (lag := seen.lag) is not None
        }
        for alert in self._states.feed(self._rules.values(), measured, sampled.at):
            self._told(alert)
            task = asyncio.create_task(self._send(alert), name=f"alert {alert.rule.name}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, alert: Alert) -> None:
        trouble = ""
        if alert.rule.webhook:
            try:
                await post(alert.rule.webhook, _content(self._connection, alert))
            except Failure as failure:
                trouble = failure.message
                self._failed(failure)
        try:
            await self._log.add(self._connection, alert, trouble)
        except Failure as failure:
            self._failed(failure)


def _content(connection: str, alert: Alert) -> dict[str, object]:
    """`text` is what chat services show."""
    return {
        "text": alert.text,
        "connection": connection,
        "rule": alert.rule.name,
        "group": alert.group,
        "began": alert.began,
        "at": alert.at,
    }
