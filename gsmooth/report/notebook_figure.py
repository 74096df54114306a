"""A figure that a notebook shows."""

from __future__ import annotations

import io
from typing import final

from matplotlib.figure import Figure


@final
class NotebookFigure(Figure):
    """A matplotlib figure that is shown as a picture, also where pyplot is not in use.

    Without this a notebook shows the text ``<Figure size ...>``: only pyplot tells it how to draw a
    figure.

    Example:
        >>> NotebookFigure(figsize=(1, 1))._repr_png_()[1:4]
        b'PNG'
    """

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()
