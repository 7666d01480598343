"""The memory that a training takes: counted on a CPU, where nobody keeps the books, and asked of torch on a GPU.

The count was 0.94 to 1.11 times what torch's profiler saw allocated at once in the same step (five random networks of
AnyNet A with 3 to 6 million multiply-adds at 28x28, batches of 32 and 128): it has no short-lived results, but counts
gradients beside what the backward pass has let go by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from nas.training.recomputation import watched

FULL = (
    "can't allocate memory",
    "out of memory",
    "STATUS_ALLOC_FAILED",
    "DEVICE_ALLOCATION_FAILED",
    "HOST_ALLOCATION_FAILED",
)
"""What torch, CUDA, cuBLAS and cuDNN say where memory doesn't suffice; only torch on a GPU has a class for it."""
ONEDNN = "could not create a primitive"
"""The whole of what oneDNN says on a processor; of what it can't compute it says more."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory didn't suffice, whoever says so."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or said == ONEDNN or any(t in said for t in FULL)


class Footprint:
    """Of one training, from the moment it is made."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._counted: int | None = None
        self.lasting: Sequence[Tensor] = ()
        """What is kept from step to step beside parameters and the optimiser's state."""
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    @property
    def bytes(self) -> int | None:
        """On a GPU the most that torch had allocated, by others, too; on a CPU as counted, None before the first step.

        What is counted depends on network, recipe and processor only: see `counted`.
        """
        return torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else self._counted

    def remember(self, counted: int | None) -> None:
        """What a CPU counted before the training was interrupted: it would count the same again."""
        if self._device.type != "cuda":
            self._counted = counted

    def __call__(self, step: Callable[[], Tensor], module: nn.Module, optimizer: torch.optim.Optimizer) -> Tensor:
        """Do a step; the first one on a CPU is counted, which changes none of its numbers."""
        if self._counted is not None or self._device.type == "cuda":
            return step()
        loss, own = counted(step, module, optimizer)
        self._counted = own + sum(_storages(self.lasting).values())
        return loss


def counted(step: Callable[[], Tensor], module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Tensor, int]:
    """Do a step of training; its loss, and the bytes that it needs.

    Bytes of parameters (with float32 copies where the module computes in less), their gradients, the optimiser's state,
    and of everything else that autograd keeps from the forward for the backward pass, memory that is shared counted
    once. Results that live within an operation or within the backward pass aren't counted, but for what the largest
    block computes again in it (see `nas.training.recomputation`).
    """
    updated = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    lasting = {**_storages(module.parameters()), **_storages(updated)}
    kept: dict[int, int] = {}
    again = [0]

    def watch(inputs: list[Tensor], tensors: list[Tensor]) -> None:
        own = _storages(inputs)
        kept.update(own)
        again.append(sum(size for place, size in _storages(tensors).items() if place not in {*lasting, *own}))

    def note(tensor: Tensor) -> Tensor:
        kept.update(_storages([tensor]))
        return tensor.detach()  # autograd would hold a result that holds autograd

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), watched(module, watch):
        loss = step()
    gradients = [parameter.grad for parameter in (*module.parameters(), *updated) if parameter.grad is not None]
    state = [value for values in optimizer.state.values() for value in values.values() if isinstance(value, Tensor)]
    passing = sum(size for place, size in kept.items() if place not in lasting)
    return loss, sum(lasting.values()) + passing + max(again) + sum(_storages([*gradients, *state]).values())


def _storages(tensors: Iterable[Tensor]) -> dict[int, int]:
    """Address -> bytes of the memory behind tensors, which several may share."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return {storage.data_ptr(): storage.nbytes() for storage in storages}
