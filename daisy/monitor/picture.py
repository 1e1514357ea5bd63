"""Pictures of a search as one picture: below each other, as PNG or SVG."""

import io
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daisy.monitor.plots import Plot

SIZE, DOTS = (11.0, 4.5), 100  # inches of a picture, dots an inch
ROOT = re.compile(r"<svg\b[^>]*>", re.DOTALL)
LENGTH = r'\b{}="([\d.]+)pt"'
TRIAL = "Trial"  # what Optuna calls an axis of trials' numbers
LOOK = {"figure.figsize": SIZE, "figure.max_open_warning": 0}


def picture(named: Sequence[tuple[str, Sequence["Plot"]]], form: str) -> tuple[bytes, list[str]]:
    """The picture, and a sentence for each part that could not be drawn. `named` are parts below headings; `form` png or svg."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    parts, left_out = list[bytes](), list[str]()
    for heading, plots in named:
        for plot in plots:
            title = f"{plot.title}: {heading}" if heading else plot.title
            with pyplot.rc_context(LOOK):
                try:
                    parts.append(_drawn(plot, title, form))
                except Exception as error:  # of one part: the others are drawn
                    left_out.append(f"{plot.title}: {type(error).__name__}: {error}")
                finally:
                    pyplot.close("all")
    if not parts:
        return b"", left_out
    return (_png(parts) if form == "png" else _svg(parts)), left_out


def _drawn(plot: "Plot", title: str, form: str) -> bytes:
    import optuna
    from matplotlib import ticker

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = getattr(optuna.visualization.matplotlib, plot.function)(plot.study, **plot.options)
        axes = found if hasattr(found, "figure") else found.flat[0]
        figure = axes.figure
        figure.set_size_inches(max(SIZE[0], figure.get_size_inches()[0]), SIZE[1])
        for each in figure.axes:
            for place in ("left", "center", "right"):
                each.set_title("", loc=place)
            for axis in (each.xaxis, each.yaxis):
                if axis.get_label_text() == TRIAL:
                    axis.set_major_locator(ticker.MaxNLocator(integer=True))  # there is no trial 2.5
        figure.suptitle(title, x=0.01, horizontalalignment="left")
        if plot.axis is not None:
            axes.set_xlabel(plot.step)
            axes.set_ylabel(plot.axis)
            axes.xaxis.get_major_locator().set_params(integer=True)
            if axes.get_legend() is not None:
                axes.get_legend().remove()  # one entry a trial
        content = io.BytesIO()
        figure.savefig(content, format=form, dpi=DOTS, bbox_inches="tight", pad_inches=0.3, facecolor="white")
    return content.getvalue()


def _png(parts: Sequence[bytes]) -> bytes:
    from PIL import Image

    images = [Image.open(io.BytesIO(part)).convert("RGB") for part in parts]
    whole = Image.new("RGB", (max(image.width for image in images), sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    content = io.BytesIO()
    whole.save(content, format="PNG", optimize=True)
    return content.getvalue()


def _svg(parts: Sequence[bytes]) -> bytes:
    """One drawing with the others in it, each at its place."""
    inner, top, widest = list[str](), 0.0, 0.0
    for part in parts:
        text = part.decode()
        root = ROOT.search(text)
        assert root is not None
        width, height = (float(re.findall(LENGTH.format(name), root[0])[0]) for name in ("width", "height"))
        place = root[0].replace("<svg", f'<svg y="{top:g}"', 1).replace('pt"', '"')  # in the units of the whole
        inner.append(place + text[root.end() :])
        top, widest = top + height, max(widest, width)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{widest:g}pt" height="{top:g}pt" viewBox="0 0 {widest:g} {top:g}">'
    white = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', head, white, *inner, "</svg>", ""]).encode()
