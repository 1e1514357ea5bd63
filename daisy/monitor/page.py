"""Pictures of a search as a page: one file that needs nothing else, and asks no one for anything."""

import html
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daisy.monitor.plots import Plot

# The script is in the page; the policy sees to it that nothing that a name might smuggle in is fetched from anywhere.
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"
STYLE = "body { font-family: sans-serif; margin: 2em; max-width: 1100px } h2, h3 { font-weight: normal }"
MOST_TICKS = 20  # epochs that have one each
HEIGHT = 460  # pixels of a picture
CONFIG = {"displaylogo": False, "responsive": True}


def page(title: str, named: Sequence[tuple[str, Sequence["Plot"]]]) -> tuple[str, list[str]]:
    """The page, and a sentence for each picture that could not be drawn. `named` are pictures below headings."""
    parts, left_out, with_script = list[str](), list[str](), True
    for heading, plots in named:
        parts += [f"<h2>{html.escape(heading)}</h2>"] if heading else []
        for plot in plots:
            try:
                figure = _drawn(plot)
            except Exception as error:  # of one picture: the others are drawn
                left_out.append(f"{plot.title}: {type(error).__name__}: {error}")
                continue
            parts.append(f"<h3>{html.escape(plot.title)}</h3>")
            parts.append(figure.to_html(full_html=False, include_plotlyjs=with_script, include_mathjax=False, config=CONFIG))
            with_script = False
    head = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" '
        f'content="{POLICY}">\n<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
    )
    return f"{head}<h1>{html.escape(title)}</h1>\n{chr(10).join(parts)}\n</body>\n</html>\n", left_out


def _drawn(plot: "Plot") -> Any:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = getattr(optuna.visualization, plot.function)(plot.study, **plot.options)
    figure.update_layout(title=None, height=HEIGHT, margin={"t": 40})
    if plot.axis is not None:
        figure.update_layout(xaxis_title=plot.step, yaxis_title=plot.axis, showlegend=False)
        if plot.step == "epoch" and max((len(trace.x) for trace in figure.data), default=0) <= MOST_TICKS:
            figure.update_xaxes(dtick=1)
    return figure
