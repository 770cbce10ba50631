"""Figures: their colours and bytes, the picture of a difference, the film of the sliding window."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from utils import drawings, grids, pictures, plots, volumes


@pytest.fixture(autouse=True)
def clean_figures():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


ODD_PAIRS = [
    (3, 2.5),
    ([1, 2], [[1, 2]]),
    (np.zeros(0), np.zeros(0)),
    (np.zeros((2, 0, 3)), np.zeros((2, 0, 3))),
    (np.zeros((2, 3)), None),
    (None, "text"),
    (np.nan, 1.0),
    (np.ones((2, 3, 30, 40)), torch.full((2, 3, 30, 40), float("inf"))),
    (True, np.bool_(False)),
    (np.ones((1, 2, 3, 4, 5)), np.zeros((1, 2, 3, 4, 5))),
    (np.ones(4), np.ones(4, dtype=complex)),
    (torch.ones(2, 3, requires_grad=True), np.ones((2, 3))),
    (np.ones((2, 2)), object()),
]


@pytest.mark.parametrize(("expected", "got"), ODD_PAIRS)
def test_difference_can_be_drawn_whatever_the_student_returned(expected, got):
    figure = plots.show_difference(expected, got)
    assert len(figure.axes) == 3
    assert plots.to_png(figure).startswith(b"\x89PNG")


def test_difference_shows_the_slice_that_is_worst():
    expected = np.zeros((2, 3, 4, 5))
    got = expected.copy()
    got[1, 2, 3, 4] = 7
    figure = plots.show_difference(expected, got)
    assert figure.axes[1].get_title() == "got  [1, 2] of (2, 3, 4, 5)"
    assert "+7" in [text.get_text() for text in figure.axes[2].texts]


@pytest.mark.parametrize(("side", "lines"), [(4, 5), (30, 2)])
def test_cells_of_a_difference_have_borders_also_where_they_are_white(side, lines):
    """An array of zeros is as white as the page: in a row of pixels only its borders are dark."""
    figure = plots.show_difference(np.zeros((side, side)), np.zeros((side, side)))
    for ax in figure.axes:
        for text in ax.texts:
            text.set_visible(False)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].mean(axis=2)
    for ax in figure.axes:
        left, _, right, _ = ax.bbox.extents.round().astype(int)
        row = pixels[len(pixels) - int(ax.bbox.y0 + 0.6 * ax.bbox.height / side)]
        dark = row[left - 3 : right + 4] < 210
        assert (np.diff(dark.astype(int)) == 1).sum() == lines


def test_difference_does_not_change_its_arguments():
    expected, got = np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3)
    plots.show_difference(expected, got)
    assert expected.tolist() == got.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert got.dtype.kind == "i"


def test_the_same_figure_gives_the_same_bytes():
    pngs = {plots.to_png(drawings.three_ways_to_connect()) for _ in range(2)}
    assert len(pngs) == 1
    assert b"matplotlib" not in pngs.pop().lower()


def test_a_shown_figure_carries_words_and_is_closed(monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", shown.append)
    plots.show_images([np.zeros((3, 4, 5)), np.ones((4, 5))], ["a", "b"], alt='a "dark" and a bright picture')
    assert not plt.get_fignums()
    data, metadata = shown[0]._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "dark" in data["text/plain"]
    assert metadata["image/png"]["alt"] == 'a "dark" and a bright picture'
    assert 0 < metadata["image/png"]["width"] < 2000


class Image(HTMLParser):
    """The attributes of the one image in a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "img"
        self.found.append(dict(attrs))


def test_a_kernel_of_jupyterlab_shows_a_picture_with_its_words(monkeypatch):
    picture = plots.Picture(plots.to_png(drawings.three_ways_to_connect()), 'a "pair" with a < b & c')
    stored, metadata = picture._repr_mimebundle_()
    monkeypatch.setenv("JPY_SESSION_NAME", "/course/notebooks/01_convolution/01_convolution.ipynb")
    shown, _ = picture._repr_mimebundle_()
    assert set(shown) == {"text/html", "text/plain"}  # not the same bytes twice
    (image,) = Image(shown["text/html"]).found
    assert image["alt"] == picture.alt
    assert image["width"] == str(metadata["image/png"]["width"])
    head, _, data = image["src"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == stored["image/png"] == picture.png


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (3, 4, 5)])
def test_images_are_turned_and_clipped_for_matplotlib(shape):
    image = plots.for_imshow(np.full(shape, 2.0))
    assert image.shape == ((4, 5, 3) if shape[0] == 3 else (4, 5))
    assert image.max() == 1


def test_colours_run_from_white_to_themselves():
    assert plots.tint(plots.INPUT, 0) == (1, 1, 1)
    assert plots.tint(plots.INPUT, 1) == pytest.approx(matplotlib.colors.to_rgb(plots.INPUT))


def film_of_a_window(stride=2):
    x, weight = np.arange(20.0).reshape(4, 5), np.array([[1.0, -1.0]])
    output = x[::stride, :-1:stride] - x[::stride, 1::stride]
    return grids.sliding_window(x, weight, output, stride=stride, alt="1 < 2"), output


def test_the_film_is_the_same_on_every_build_and_needs_no_network():
    first, output = film_of_a_window()
    second, _ = film_of_a_window()
    assert first.data == second.data
    assert "http" not in first.data
    assert first.data.count("iVBOR") == output.size + 1  # the first once more, for pages without scripts
    assert "1 &lt; 2" in first.data
    assert len(first.data) < 500_000


def test_different_films_have_different_names():
    names = {
        film.data.split('class="')[1].split('"')[0] for film, _ in (film_of_a_window(1), film_of_a_window(2))
    }
    assert len(names) == 2


def test_places_in_a_volume_follow_its_axes():
    volume = volumes.Volume((3, 10, 20), left=1, top=2, size=(1.5, 5, 4))
    assert volume.point(0, 0, 0) == (1, 2)
    assert volume.point(3, 10, 0) == (2.5, 7)
    x, y = volume.point(0, 0, 20)
    assert x > 1 and y < 2  # into the page is to the right and up


def test_places_in_a_grid_count_from_the_unpadded_corner():
    grid = grids.Grid(3, 4, left=2, top=1, pixel=0.5)
    assert grid.corner(-1, -2) == (1.0, 0.5)
    assert grid.centre(0, 0) == (2.25, 1.25)


def test_the_photograph_is_a_rectangular_volume():
    photo = pictures.photograph()
    assert photo.shape == (3, 150, 128)
    assert photo.dtype == np.float32
    assert 0 <= photo.min() < photo.max() <= 1
    assert pictures.photograph(shrink=8).shape == (3, 75, 64)
