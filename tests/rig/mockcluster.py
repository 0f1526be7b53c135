"""librdkafka's mock cluster, from the library in confluent-kafka's wheel: brokers that err on demand, at once.

It answers Metadata, Produce, Fetch, ListOffsets, transactions, the classic group protocol; hardly any admin request.
Source of the calls: rdkafka_mock.h, https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h
"""

import ctypes
from pathlib import Path
from typing import Self

import confluent_kafka

_PRODUCER = 0  # rd_kafka_type_t
_OK = 0  # of rd_kafka_resp_err_t and rd_kafka_conf_res_t
_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_CALLS = {  # result and arguments
    "conf_new": (_POINTER,),
    "conf_set": (_INT, _POINTER, _TEXT, _TEXT, _TEXT, ctypes.c_size_t),
    "new": (_POINTER, _INT, _POINTER, _TEXT, ctypes.c_size_t),
    "destroy": (None, _POINTER),
    "mock_cluster_new": (_POINTER, _POINTER, _INT),
    "mock_cluster_destroy": (None, _POINTER),
    "mock_cluster_bootstraps": (_TEXT, _POINTER),
    "mock_topic_create": (_INT, _POINTER, _TEXT, _INT, _INT),
    "mock_push_request_errors_array": (None, _POINTER, ctypes.c_int16, ctypes.c_size_t, _POINTER),
    "mock_broker_set_down": (_INT, _POINTER, ctypes.c_int32),
    "mock_broker_set_up": (_INT, _POINTER, ctypes.c_int32),
    "mock_broker_set_rtt": (_INT, _POINTER, ctypes.c_int32, _INT),
}


def _library() -> ctypes.CDLL:
    """The wheel's librdkafka, the same that the clients under test run on."""
    package = Path(confluent_kafka.__file__).parent
    places = (package.with_name("confluent_kafka.libs"), package / ".dylibs")
    library = ctypes.CDLL(str(next(found for place in places for found in place.glob("*rdkafka[-.]*"))))
    for name, (result, *arguments) in _CALLS.items():
        call = getattr(library, f"rd_kafka_{name}")
        call.restype, call.argtypes = result, arguments
    return library


class MockCluster:
    """`brokers` mock brokers on ports of 127.0.0.1, numbered from 1, while entered."""

    def __init__(self, brokers: int = 1) -> None:
        self._brokers = brokers

    def __enter__(self) -> Self:
        self._library = _library()
        configuration = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(configuration, b"log_level", b"0", None, 0)
        self._client = self._library.rd_kafka_new(_PRODUCER, configuration, None, 0)
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, self._brokers)
        self.bootstrap: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return self

    def __exit__(self, *_: object) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def create_topic(self, topic: str, partitions: int = 1, replicas: int = 1) -> None:
        """Create a topic; others come to be at their first use, with 4 partitions."""
        self._check("topic_create", topic.encode(), partitions, replicas)

    def push_errors(self, api_key: int, *codes: int) -> None:
        """The next requests of this API key (Produce 0, Fetch 1, ...) get these error codes, one each; 0 is success."""
        stack = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api_key, len(codes), stack)

    def down(self, broker: int) -> None:
        """Close a broker's connections and refuse new ones."""
        self._check("broker_set_down", broker)

    def up(self, broker: int) -> None:
        """Undo `down`."""
        self._check("broker_set_up", broker)

    def rtt(self, broker: int, milliseconds: int) -> None:
        """Delay every answer of a broker."""
        self._check("broker_set_rtt", broker, milliseconds)

    def _check(self, call: str, *arguments: object) -> None:
        code = getattr(self._library, f"rd_kafka_mock_{call}")(self._cluster, *arguments)
        if code != _OK:
            raise confluent_kafka.KafkaException(confluent_kafka.KafkaError(code))
