"""A matplotlib figure that a notebook shows as a picture without pyplot."""

from __future__ import annotations

import io
from typing import final

from matplotlib.figure import Figure


@final
class NotebookFigure(Figure):
    """A matplotlib figure that is shown as a picture, also where pyplot is not in use.

    A notebook shows a plain figure as the text ``<Figure size ...>``, unless pyplot is in use.

    Example:
        >>> NotebookFigure(figsize=(1, 1))._repr_png_()[1:4]
        b'PNG'
    """

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()
