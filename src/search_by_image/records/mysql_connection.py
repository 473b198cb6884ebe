"""pymysql's connection, for which a server's answer is waited for within the limit of the call."""

from pymysql.connections import Connection

from search_by_image.deadline import shortened


class LimitedConnection(Connection):  # type: ignore[misc]
    """pymysql looks at these two before each packet that it reads or writes."""

    _longest_read = _longest_write = 0.0

    @property
    def _read_timeout(self) -> float:
        return shortened(self._longest_read)

    @_read_timeout.setter
    def _read_timeout(self, seconds: float) -> None:
        self._longest_read = seconds

    @property
    def _write_timeout(self) -> float:
        return shortened(self._longest_write)

    @_write_timeout.setter
    def _write_timeout(self, seconds: float) -> None:
        self._longest_write = seconds
