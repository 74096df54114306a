"""Models: from a spec and a file of weights to a classifier, and the digest of what it holds."""

from gsmooth.run.card import Card, card, shipped_models
from gsmooth.run.models.digest import weights_digest
from gsmooth.run.models.loading import load_model
from gsmooth.run.models.notices import model_notices

__all__ = ["Card", "card", "load_model", "model_notices", "shipped_models", "weights_digest"]
