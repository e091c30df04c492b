"""The cells that the flagfiles of the project describe."""

from mosaickd_tf.cli.cells import read_cells


def test_every_data_set_stands_with_every_method(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # found from anywhere
    cells = read_cells()
    data, methods = ({key[place] for key in cells.options} for place in (0, 1))
    assert len(cells.options) == len(data) * len(methods)
    assert {"cifar100_from_cifar10", "digits_from_photos"} <= data
    assert {"mosaic", "kd", "no_local", "patch_1"} <= methods
    assert {"wrn40_2_to_wrn16_1", "resnet34_to_resnet18"} <= set(cells.pairs)


def test_a_cell_has_the_options_of_its_flagfiles():
    options = read_cells().options["cifar100_from_svhn", "no_local"]
    assert (options["ood_dataset"], options["rounds"]) == ("tfds:svhn_cropped", 57400)
    assert (options["method"], options["local_weight"], options["align_weight"]) == (
        "mosaic",
        0.0,
        1.0,
    )
