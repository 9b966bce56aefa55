# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture
def breaks_after():
    yield
    raise RuntimeError("tear-down")


@pytest.fixture
def breaks_before():
    raise RuntimeError("set-up")


def test_passes():
    pass


def test_fails_and_breaks(breaks_after):
    assert 1 == 2


def test_errors(breaks_before):
    pass


@pytest.mark.skip(reason="later")
def test_skips():
    pass


@pytest.mark.xfail
def test_expected():
    assert False
