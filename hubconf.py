"""For `torch.hub.load(REPOSITORY, NAME)`: `nas_model` takes what `nas.list_models()` lists, winners have their own."""

from functools import partial

from nas import create_model as nas_model
from nas import list_models as _list_models

dependencies = ["torch", "numpy", "msgspec", "safetensors"]

for _name in _list_models(pretrained=True):
    globals()[_name.replace("-", "_")] = partial(nas_model, _name, pretrained=True)
