"""docs/wings.svg is the picture that the imports draw."""

from tests import picture


def test_the_picture_of_the_wings_is_drawn_from_the_imports_as_they_are() -> None:
    assert picture.PICTURE.read_text(encoding="utf-8") == picture.draw(), "run `make picture`"


def test_no_wing_imports_one_that_stands_above_it() -> None:
    rows = picture.levels(picture.imports())
    heights = {box: height for height, row in enumerate(rows) for box in row}
    for box, targets in picture.imports().items():
        assert all(heights[box] < heights[target] for target in targets), box
