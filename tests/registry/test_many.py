"""Many folders are looked at: by one thread where that is quick, by several where the file system is far away."""

import threading
import time

from daisy.registry.many import each


def test_a_slow_file_system_is_asked_by_several_threads() -> None:
    def look(number: int) -> int:
        time.sleep(0.005)
        return -number

    began = time.monotonic()
    assert list(each(look, range(600))) == [-number for number in range(600)]
    assert time.monotonic() - began < 600 * 0.005 / 2


def test_a_quick_one_is_not_and_a_hiccup_makes_none_slow() -> None:
    threads = set()

    def look(number: int) -> int:
        threads.add(threading.get_ident())
        if number in (3, 31):
            time.sleep(0.2)
        return number

    assert list(each(look, range(100))) == list(range(100))
    assert len(threads) == 1
    assert list(each(look, [])) == []
