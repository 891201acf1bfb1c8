"""Sample pictures by name, and the generated ones that evaluations lead to."""

from __future__ import annotations

import numpy as np
import pytest

from sat.data import shapes
from sat.errors import UserError
from sat.ui.samples import is_sample, read_sample, sample_names


def test_any_generated_test_picture_can_be_asked_for():
    assert "test-00012" not in sample_names() and is_sample("test-00012")
    np.testing.assert_array_equal(read_sample("test-00012").square, shapes.picture(0, "test", 12)[0])
    assert all(is_sample(name) for name in sample_names())


@pytest.mark.parametrize("name", ["test-12", "dev-00012", "test-000012", "test-00012.png", "../test-00012", "", "²"])
def test_other_names_are_no_samples(name: str):
    assert not is_sample(name)
    with pytest.raises(UserError, match="There is no sample called"):
        read_sample(name)
