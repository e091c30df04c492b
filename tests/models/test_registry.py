"""Classifiers by name."""

import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models import build_classifier, check_classifier_name, classifier_names


def test_a_name_says_depth_and_width():
    model = build_classifier("wrn16_2", num_classes=4, input_shape=(8, 8, 1))
    assert model.input_shape == (None, 8, 8, 1) and model.output_shape == (None, 4)
    convolutions = [layer.name for layer in model.layers if layer.name.endswith("_conv1")]
    assert len(convolutions) == 6  # 16 = 6·2 + 4: two blocks in each of three stages
    assert model.get_layer("stage3_block2_conv2").filters == 128


@pytest.mark.parametrize("name", ["wrn10_1", "wrn16_1", "wrn40_2", "wrn28_10"])
def test_known_names_pass(name):
    check_classifier_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "wrn", "wrn4_1", "wrn16", "wrn15_1", "wrn16_0", "WRN16_1", "wrn_16_1", "wrn16_1 ",
     "wrn16_1\n", "wrn-2_1", "resnet18"],
)  # fmt: skip
def test_an_unknown_name_is_refused_with_what_is_expected_and_what_came(name):
    for refuse in (check_classifier_name, lambda n: build_classifier(n, num_classes=10)):
        with pytest.raises(RequestError) as caught:
            refuse(name)
        assert repr(name) in str(caught.value) and classifier_names()[0] in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_statistics_reach_the_standardisation():
    model = build_classifier("wrn10_1", num_classes=2, input_shape=(8, 8, 1), mean=[0.3], std=[0.2])
    config = model.get_layer("standardization").get_config()
    assert config["mean"] == [0.3] and config["variance"] == pytest.approx([0.04])
