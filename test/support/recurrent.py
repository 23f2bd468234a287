"""Recurrent networks of PyTorch, for test/nn/sequences.test.ts: writes recurrent.json.

Run by PyTorch 1.13, in float64: python3 test/support/recurrent.py > test/fixtures/recurrent.json
"""

import json

import torch

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
SAMPLES, POSITIONS, INPUTS, STATES = 3, 4, 2, 3


def numbers(tensor):
    return tensor.detach().reshape(-1).tolist()


def case(kind, layers, directions, lengths, with_state, bias=True):
    module = getattr(torch.nn, kind)(
        INPUTS, STATES, layers, bias=bias, batch_first=True, bidirectional=directions == 2
    )
    x = torch.randn(SAMPLES, POSITIONS, INPUTS, requires_grad=True)
    parts = [torch.randn(layers * directions, SAMPLES, STATES) for _ in range(2 if kind == "LSTM" else 1)]
    state = None if not with_state else tuple(parts) if kind == "LSTM" else parts[0]
    if lengths is None:
        output, last = module(x, state)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, last = module(packed, state)
        output, _ = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=True, total_length=POSITIONS)
    last = list(last) if kind == "LSTM" else [last]
    loss = (output**2).sum() + sum((part**3).sum() for part in last)
    loss.backward()
    return {
        "kind": kind,
        "layers": layers,
        "bidirectional": directions == 2,
        "bias": bias,
        "lengths": lengths,
        "x": numbers(x),
        "state": [numbers(part) for part in parts] if with_state else None,
        "weights": {name: numbers(value) for name, value in module.named_parameters()},
        "output": numbers(output),
        "last": [numbers(part) for part in last],
        "xGrad": numbers(x.grad),
        "grads": {name: numbers(value.grad) for name, value in module.named_parameters()},
    }


CASES = [
    case(kind, *how)
    for kind in ("RNN", "GRU", "LSTM")
    for how in ((1, 1, None, False), (1, 1, [2, 4, 1], True, False), (2, 2, [3, 1, 4], True))
]
print(json.dumps({"torch": torch.__version__, "cases": CASES}))
