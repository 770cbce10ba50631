"""Pictures that play: a row of drawings with a play button, in plain HTML that needs no network.

matplotlib's own player fetches the symbols of its buttons from the network and takes a new random name on
every run. This one does neither: a notebook shows the same film everywhere, in the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
from collections.abc import Sequence
from string import Template

import numpy as np
from IPython.display import HTML
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

_FILM = Template("""<div class="film-$name"
 style="display:inline-block;text-align:center;font-family:sans-serif;background:#fff;color:#222;padding:4px">
<img alt="$alt" src="data:image/png;base64,$first" style="max-width:100%"><br>
<button type="button">&#9654; play</button>
<button type="button">&#9664; back</button>
<button type="button">next &#9654;</button>
<input type="range" min="0" max="$last" value="0" aria-label="$slider">
<span>$stop 1 of $count</span>
</div>
<script>
(function () {
  const frames = [$frames];
  function attach(film) {
    const [play, back, next] = film.querySelectorAll("button");
    const image = film.querySelector("img"), slider = film.querySelector("input");
    const words = film.querySelector("span");
    let clock = null;
    function show(k) {
      k = (k + frames.length) % frames.length;
      slider.value = k;
      image.src = "data:image/png;base64," + frames[k];
      words.textContent = "$stop " + (k + 1) + " of " + frames.length;
    }
    function stop() { clearInterval(clock); clock = null; play.innerHTML = "&#9654; play"; }
    play.onclick = function () {
      if (clock) { stop(); return; }
      clock = setInterval(function () { show(+slider.value + 1); }, $milliseconds);
      play.innerHTML = "&#10074;&#10074; pause";
    };
    back.onclick = function () { stop(); show(+slider.value - 1); };
    next.onclick = function () { stop(); show(+slider.value + 1); };
    slider.oninput = function () { stop(); show(+slider.value); };
    // JupyterLab would take the arrow keys for its own and move on to the next cell.
    film.onkeydown = function (event) { event.stopPropagation(); };
  }
  (function start(tries) {  // a notebook may run this script before it has put the film on the page
    const films = document.querySelectorAll(".film-$name");
    if (films.length) films.forEach(attach);
    else if (tries) setTimeout(function () { start(tries - 1); }, 100);
  })(50);
})();
</script>""")


def play(
    frames: Sequence[bytes],
    alt: str,
    milliseconds: int = 900,
    stop: str = "stop",
    slider: str = "stop of the window",
) -> HTML:
    """Pictures with a play button and a slider, in plain HTML that needs no network.

    Args:
        frames: PNG files, all of one size. Where scripts may not run, the first is shown.
        alt: the words for those who cannot see it.
        milliseconds: how long each picture stays while the film plays.
        stop: what one picture is called in "stop 3 of 12".
        slider: what the slider moves, for those who cannot see it.
    """
    texts = [base64.b64encode(frame).decode() for frame in frames]
    page = _FILM.substitute(
        name=hashlib.sha256("".join(texts).encode()).hexdigest()[
            :12
        ],  # the same film has the same name on every build
        alt=html.escape(alt),
        first=texts[0],
        last=len(frames) - 1,
        count=len(frames),
        milliseconds=milliseconds,
        stop=html.escape(stop),
        slider=html.escape(slider),
        frames=",".join(f'"{text}"' for text in texts),
    )
    return HTML(page)


def small_png(figure: Figure, pixels_per_inch: int = 96, colours: int = 48) -> bytes:
    """A drawing as a small PNG file: few colours take a third of the space, and a drawing needs no more."""
    figure.set_dpi(pixels_per_inch)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).quantize(
        colours, dither=Image.Dither.NONE
    )
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
