"""Loading of models (Python factories, TorchScript, torch.export, ONNX, timm) and their digests."""

from gsmooth.models.cards import Card, card, shipped_models
from gsmooth.models.digest import weights_digest
from gsmooth.models.loading import load_model
from gsmooth.models.notices import model_notices

__all__ = ["Card", "card", "load_model", "model_notices", "shipped_models", "weights_digest"]
