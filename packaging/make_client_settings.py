"""Writes `kexplorer/formats/client_settings.json`: every setting of Java's clients and of librdkafka, as they tell it.

Java's come from the `ConfigDef`s of kafka-clients (the jars that the tests fetch; needs a JDK), librdkafka's from the
library inside the installed confluent-kafka. Run after either was updated:
`.venv/bin/python packaging/make_client_settings.py`
"""

from __future__ import annotations

import ctypes
import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import confluent_kafka

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "kexplorer" / "formats" / "client_settings.json"
_SENTENCE = re.compile(r"(.+?(?<!e\.g)(?<!i\.e)[.!])(\s|$)", re.DOTALL)
_MOST = 240  # characters of a description

_JAVA = """
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import java.util.*;

public class Settings {
    public static void main(String[] arguments) {
        tell("producer", ProducerConfig.configDef());
        tell("consumer", ConsumerConfig.configDef());
        tell("admin", AdminClientConfig.configDef());
    }

    static void tell(String client, ConfigDef all) {
        for (ConfigDef.ConfigKey key : all.configKeys().values()) {
            if (key.internalConfig) continue;
            Object value = key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : "";
            String standard = String.valueOf(value);
            String valid = key.validator == null ? "" : key.validator.toString();
            for (String each : List.of(client, key.name, key.type.name(), standard, valid, key.documentation))
                System.out.print(each.replaceAll("\\\\s+", " ") + "\\t");
            System.out.println();
        }
    }
}
"""


def java() -> tuple[str, list[dict[str, Any]]]:
    """The version of kafka-clients, and its settings."""
    sys.path.insert(0, str(ROOT))
    from tests.rig import jars  # noqa: PLC0415

    jars.fetch()
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "Settings.java")
        source.write_text(_JAVA, "utf-8")
        command = ["java", "-cp", str(jars.HOME / "jars" / "*"), str(source)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, dict[str, Any]] = {}
    for line in said.splitlines():
        client, name, kind, default, valid, text, *_ = line.split("\t")
        setting = found.setdefault(name, {"name": name, "for": [], "type": kind.lower()})
        setting["for"].append(client)
        setting |= {"default": default} | _java_values(valid) | {"about": _sentence(text)}
    return jars.VERSION, sorted(found.values(), key=lambda each: str(each["name"]))


def _java_values(valid: str) -> dict[str, Any]:
    """Of what a validator says of itself: the words that it takes, or the range of numbers."""
    if words := re.search(r"\[([\w.\-, ]+)\]$", valid):
        values = [word.strip() for word in words[1].split(",")]
        if not all(re.fullmatch(r"-?\d+", word) or word == "..." for word in values):
            return {"values": values}
    low, high = re.search(r"\[(-?\d+)\b", valid), re.search(r"(-?\d+)\]$", valid)
    found: dict[str, Any] = {}
    if low:
        found["low"] = float(low[1])
    if high:
        found["high"] = float(high[1])
    return found


def librdkafka() -> tuple[str, list[dict[str, Any]]]:
    """The version of librdkafka, and its settings."""
    package = Path(confluent_kafka.__file__).parent.parent
    [library] = (package / "confluent_kafka.libs").glob("librdkafka*.so*")
    system = ctypes.CDLL(None)
    system.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile() as table:
        stream = ctypes.c_void_p(system.fopen(table.name.encode(), b"w"))
        ctypes.CDLL(str(library)).rd_kafka_conf_properties_show(stream)
        system.fclose(stream)
        said = Path(table.name).read_text("utf-8")
    found: dict[str, dict[str, Any]] = {}
    for line in said.splitlines():
        if not re.match(r"[a-z_][\w.]* +\|", line):
            continue
        name, scope, values, default, _, text = (part.strip() for part in line.split("|", 5))
        clients = {"P": ["producer"], "C": ["consumer"]}.get(scope, ["producer", "consumer", "admin"])
        about, _, kind = text.partition("<br>*Type: ")
        setting = found.setdefault(name, {"name": name, "for": clients})
        setting["for"] = sorted({*setting["for"], *clients})
        setting |= {"type": kind.rstrip("*"), "default": html.unescape(default)} | _c_values(values)
        if alias := re.match(r"Alias for `([\w.]+)`", about):
            setting["alias"] = alias[1]
        setting["about"] = _sentence(about)
    return confluent_kafka.libversion()[0], sorted(found.values(), key=lambda each: str(each["name"]))


def _c_values(values: str) -> dict[str, Any]:
    if ends := re.fullmatch(r"(-?[\d.]+) \.\. (-?[\d.]+)", values):
        return {"low": float(ends[1]), "high": float(ends[2])}
    return {"values": [word.strip() for word in values.split(",")]} if values else {}


def _sentence(text: str) -> str:
    """The first, without markup."""
    plain = html.unescape(re.sub(r"<[^>]+>", "", text)).replace("`", "")
    plain = re.sub(r"^Alias for [\w.]+: ", "", re.sub(r"\s+", " ", plain).strip())
    found = _SENTENCE.match(plain)
    first = found[1] if found else plain
    return first if len(first) <= _MOST else first[: _MOST - 1] + "…"


def main() -> None:
    dialects = {}
    for name, (version, settings) in (("java", java()), ("librdkafka", librdkafka())):
        dialects[name] = {"version": version, "settings": settings}
        print(f"{name} {version}: {len(settings)} settings")
    lines = [
        f'"{name}": {{"version": "{told["version"]}", "settings": [\n'
        + ",\n".join(json.dumps(each, ensure_ascii=False) for each in told["settings"])
        + "\n]}"
        for name, told in dialects.items()
    ]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
