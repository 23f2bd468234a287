"""Compares the table "At the edges" of docs/operators.md with NumPy and PyTorch: python3 test/support/edges.py"""

import json
import math
import pathlib
import re
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F

warnings.simplefilter('ignore')
torch.set_default_dtype(torch.float64)

# What each call is there; None where NumPy has no such function.
CALLS = {
    "x.neg()": ("np.negative(x)", "torch.neg(x)"),
    "x.div(0)": ("x / 0.0", "x / 0.0"),
    "x.mod(3)": ("np.mod(x, 3)", "torch.remainder(x, 3)"),
    "x.mod(-3)": ("np.mod(x, -3)", "torch.remainder(x, -3)"),
    "x.mod(0)": ("np.mod(x, 0)", "torch.remainder(x, 0)"),
    "x.mod(Infinity)": ("np.mod(x, np.inf)", "torch.remainder(x, torch.inf)"),
    "constant(4).mod(x)": ("np.mod(4, x)", "torch.remainder(torch.tensor(4.0), x)"),
    "constant(-1).mod(x)": ("np.mod(-1, x)", "torch.remainder(torch.tensor(-1.0), x)"),
    "mod(1, x)": ("np.mod(1, x)", "torch.remainder(torch.tensor(1.0), x)"),
    "x.pow(4)": ("np.power(x, 4.0)", "torch.pow(x, 4)"),
    "x.pow(-2)": ("np.power(x, -2.0)", "torch.pow(x, -2)"),
    "x.pow(x)": ("np.power(x, x)", "torch.pow(x, x)"),
    "pow(2, x)": ("np.power(2.0, x)", "torch.pow(torch.tensor(2.0), x)"),
    "pow(0, x)": ("np.power(0.0, x)", "torch.pow(torch.tensor(0.0), x)"),
    "pow(-2, x)": ("np.power(-2.0, x)", "torch.pow(torch.tensor(-2.0), x)"),
    "x.pow(zeros([1]))": ("np.power(x, np.zeros(1))", "torch.pow(x, torch.zeros(1))"),
    "x.floor()": ("np.floor(x)", "torch.floor(x)"),
    "x.ceil()": ("np.ceil(x)", "torch.ceil(x)"),
    "x.round()": ("np.round(x)", "torch.round(x)"),
    "x.tan()": ("np.tan(x)", "torch.tan(x)"),
    "x.arctan()": ("np.arctan(x)", "torch.atan(x)"),
    "x.reshape([2, 1]).softmax(0)": (None, "torch.softmax(x.reshape(2, 1), 0)"),
    "x.sub(x)": ("x - x", "x - x"),
    "x.mul(0)": ("x * 0", "x * 0"),
    "x.add(zeros([0]))": ("x + np.zeros(0)", "x + torch.zeros(0)"),
    "x.relu()": ("np.maximum(x, 0)", "torch.relu(x)"),
    "x.abs()": ("np.abs(x)", "torch.abs(x)"),
    "x.sign()": ("np.sign(x)", "torch.sign(x)"),
    "x.sqrt()": ("np.sqrt(x)", "torch.sqrt(x)"),
    "x.pow(0)": ("np.power(x, 0.0)", "torch.pow(x, 0)"),
    "x.pow(2)": ("np.power(x, 2.0)", "torch.pow(x, 2)"),
    "x.pow(-1)": ("np.power(x, -1.0)", "torch.pow(x, -1)"),
    "x.pow(1.5)": ("np.power(x, 1.5)", "torch.pow(x, 1.5)"),
    "x.pow(2.5)": ("np.power(x, 2.5)", "torch.pow(x, 2.5)"),
    "x.pow(-1.5)": ("np.power(x, -1.5)", "torch.pow(x, -1.5)"),
    "x.pow(0.3)": ("np.power(x, 0.3)", "torch.pow(x, 0.3)"),
    "x.pow(3)": ("np.power(x, 3.0)", "torch.pow(x, 3)"),
    "x.pow(0.5)": ("np.power(x, 0.5)", "torch.pow(x, 0.5)"),
    "x.exp()": ("np.exp(x)", "torch.exp(x)"),
    "x.log()": ("np.log(x)", "torch.log(x)"),
    "x.expm1()": ("np.expm1(x)", "torch.expm1(x)"),
    "x.log1p()": ("np.log1p(x)", "torch.log1p(x)"),
    "where(x.gt(0), x.log(), 0)": ("np.where(x > 0, np.log(x), 0)", "torch.where(x > 0, torch.log(x), torch.zeros_like(x))"),
    "where(x.gt(0), x.sqrt(), 0)": ("np.where(x > 0, np.sqrt(x), 0)", "torch.where(x > 0, torch.sqrt(x), torch.zeros_like(x))"),
    "where(x, 1, -0)": ("np.where(x, 1, -0.0)", "torch.where(x.bool(), torch.ones_like(x), -torch.zeros_like(x))"),
    "x.arcsin()": ("np.arcsin(x)", "torch.asin(x)"),
    "x.arctanh()": ("np.arctanh(x)", "torch.atanh(x)"),
    "x.arcsinh()": ("np.arcsinh(x)", "torch.asinh(x)"),
    "x.sin()": ("np.sin(x)", "torch.sin(x)"),
    "x.cos()": ("np.cos(x)", "torch.cos(x)"),
    "x.tanh()": ("np.tanh(x)", "torch.tanh(x)"),
    "x.erf()": (None, "torch.erf(x)"),
    "x.ndtr()": (None, "torch.special.ndtr(x)"),
    "x.sigmoid()": (None, "torch.sigmoid(x)"),
    "x.softplus()": ("np.logaddexp(x, 0)", "F.softplus(x)"),
    "x.silu()": (None, "F.silu(x)"),
    "x.gelu()": (None, "F.gelu(x)"),
    "x.maximum(1)": ("np.maximum(x, 1)", "torch.maximum(x, torch.ones_like(x))"),
    "x.minimum(1)": ("np.minimum(x, 1)", "torch.minimum(x, torch.ones_like(x))"),
    "x.clip(-1, 1)": ("np.clip(x, -1, 1)", "torch.clamp(x, -1, 1)"),
    "x.clip(1, -1)": ("np.clip(x, 1, -1)", "torch.clamp(x, 1, -1)"),
    "zeros([1]).clip(x, 1)": ("np.clip(np.zeros(1), x, 1)", "torch.clamp(torch.zeros(1), x, torch.ones(1))"),
    "x.eq(x)": ("np.equal(x, x).astype(float)", "torch.eq(x, x).double()"),
    "x.ne(x)": ("np.not_equal(x, x).astype(float)", "torch.ne(x, x).double()"),
    "x.gt(0)": ("np.greater(x, 0).astype(float)", "torch.gt(x, 0).double()"),
    "x.sum()": ("np.sum(x)", "torch.sum(x)"),
    "x.mean()": ("np.mean(x)", "torch.mean(x)"),
    "x.max()": ("np.max(x)", "torch.amax(x)"),
    "x.min()": ("np.min(x)", "torch.amin(x)"),
    "x.argmax()": ("np.argmax(x)", "torch.argmax(x)"),
    "x.topk(2)": ("np.argsort(-x)[:2]", "torch.topk(x, 2).indices"),
    "x.topk(1)": ("np.argsort(-x, kind='stable')[:1]", "torch.topk(x, 1).indices"),
    "x.topk(3)": ("np.argpartition(x, 2)", "torch.topk(x, 3).indices"),
    "x.argmin()": ("np.argmin(x)", "torch.argmin(x)"),
    "x.prod()": ("np.prod(x)", "torch.prod(x)"),
    "x.cumprod()": ("np.cumprod(x)", "torch.cumprod(x, 0)"),
    "x.cumsum()": ("np.cumsum(x)", "torch.cumsum(x, 0)"),
    "x.variance()": ("np.var(x)", "torch.var(x, unbiased=False)"),
    "x.variance(0, { ddof: 1 })": ("np.var(x, ddof=1)", "torch.var(x, 0, unbiased=True)"),
    "x.variance(0, { ddof: 3 })": ("np.var(x, ddof=3)", "torch.var(x, 0, correction=3)"),
    "x.std()": ("np.std(x)", "torch.std(x, unbiased=False)"),
    "x.std(0, { ddof: 1 })": ("np.std(x, ddof=1)", "torch.std(x, 0)"),
    "x.norm()": ("np.linalg.norm(x)", "torch.norm(x)"),
    "x.softmax()": (None, "torch.softmax(x, -1)"),
    "x.softmax(-1, { mask: x.lt(3) })": (None, "torch.softmax(x.masked_fill(~(x < 3), -torch.inf), -1)"),
    "x.softmax(-1, { mask: zeros([2]) })": (None, "torch.softmax(x.masked_fill(x == x, -torch.inf).masked_fill(x != x, -torch.inf), -1)"),
    "x.logSoftmax(-1, { mask: x.lt(3) })": (None, "torch.log_softmax(x.masked_fill(~(x < 3), -torch.inf), -1)"),
    "x.logSoftmax()": (None, "torch.log_softmax(x, -1)"),
    "x.logSumExp()": (None, "torch.logsumexp(x, 0)"),
    "x.layerNorm()": (None, "F.layer_norm(x, [2])"),
    "x.rmsNorm({ eps: 0 })": (None, "x / (x * x).mean().sqrt()"),
    "x.rmsNorm()": (None, "x / ((x * x).mean() + 1e-5).sqrt()"),
    "x.at(-1)": ("x[-1]", "x[-1]"),
    "x.at(-3)": ("x[-3]", "x[-3]"),
    "x.slice(-1)": ("x[-1:]", "x[-1:]"),
    "x.slice(undefined, undefined, 0, { step: -1 })": ("x[::-1]", "x[::-1]"),
    "x.gather([1, -2])": ("np.take(x, [1, -2])", "x[[1, -2]]"),
    "x.takeAlongAxis([1, 1])": ("np.take_along_axis(x, np.array([1, 1]), 0)", "torch.gather(x, 0, torch.tensor([1, 1]))"),
    "x.scatterAdd([1, 1], 1)": ("x + np.bincount([1, 1], minlength=2)", "torch.index_add(x, 0, torch.tensor([1, 1]), torch.ones(2))"),
    "x.pad([1, 0], Infinity)": ("np.pad(x, (1, 0), constant_values=np.inf)", "F.pad(x, (1, 0), value=math.inf)"),
    "x.tile(0)": ("np.tile(x, 0)", "torch.tile(x, (0,))"),
    "x.flip()": ("np.flip(x)", "torch.flip(x, (0,))"),
    "x.topk(2, { largest: false })": ("np.argsort(x)[:2]", "torch.topk(x, 2, largest=False).indices"),
    "x.at(2)": ("x[2]", "x[2]"),
    "x.slice(1, 9)": ("x[1:9]", "x[1:9]"),
    "x.slice(2, 2)": ("x[2:2]", "x[2:2]"),
    "x.gather(i)": ("np.take(x, i)", "torch.index_select(x, 0, torch.tensor(i))"),
    "x.crossEntropy(i)": (None, "F.cross_entropy(x, torch.tensor(i))"),
    "x.reshape([0, -1])": ("x.reshape(0, -1)", "x.reshape(0, -1)"),
    "x.matmul(x)": ("np.matmul(x, x)", "torch.matmul(x, x)"),
    "concat([])": ("np.concatenate([])", "torch.cat([])"),
    "x.sum([0, 0])": ("np.sum(x, (0, 0))", "torch.sum(x, (0, 0))"),
    "x.pow(-0.5)": ("np.power(x, -0.5)", "torch.pow(x, -0.5)"),
    "x.eq(0)": ("np.equal(x, 0).astype(float)", "torch.eq(x, 0).double()"),
    "x.reshape([0, 3]).sum(0)": ("x.reshape(0, 3).sum(0)", "x.reshape(0, 3).sum(0)"),
    "x.reshape([0, 3]).mean(0)": ("x.reshape(0, 3).mean(0)", "x.reshape(0, 3).mean(0)"),
    "x.reshape([0, 3]).max(0)": ("x.reshape(0, 3).max(0)", "x.reshape(0, 3).amax(0)"),
    "x.reshape([0, 3]).max(1)": ("x.reshape(0, 3).max(1)", "x.reshape(0, 3).amax(1)"),
    "x.reshape([0, 3]).argmax(0)": ("x.reshape(0, 3).argmax(0)", "x.reshape(0, 3).argmax(0)"),
    "x.reshape([0, 3]).variance(0)": ("x.reshape(0, 3).var(0)", "x.reshape(0, 3).var(0, unbiased=False)"),
    "x.reshape([0, 3]).logSumExp(0)": (None, "torch.logsumexp(x.reshape(0, 3), 0)"),
    "x.reshape([0, 3]).softmax(0)": (None, "torch.softmax(x.reshape(0, 3), 0)"),
    "x.reshape([0, 3]).norm(0)": ("np.linalg.norm(x.reshape(0, 3), axis=0)", "torch.linalg.vector_norm(x.reshape(0, 3), dim=0)"),
}


def numbers(text):
    return [float(one) for one in text.strip('[]').split(', ') if one]


def same(found, expected, signs):
    if len(found) != len(expected):
        return False
    for a, b in zip(found, expected):
        equal = math.isnan(a) if math.isnan(b) else a == b or abs(a - b) < 1e-4
        if not equal or (signs and b == 0 and math.copysign(1, a) != math.copysign(1, b)):
            return False
    return True


def attempt(run):
    try:
        return run()
    except Exception:
        return 'refused'


def check(what, found, cell, ours):
    if cell == 'the same':
        expected = ours
    elif cell == 'refused':
        expected = ('refused', None)
    else:
        spans = re.findall(r'`([^`]*)`', cell)
        expected = (spans[0], spans[1] if len(spans) > 1 else None)
    value, gradient = found
    if isinstance(value, str) or expected[0] == 'refused':
        return value == expected[0]
    if not same(value, numbers(expected[0]), True):
        return False
    return gradient is None or not expected[1] or same(gradient, numbers(expected[1]), False)


def main():
    page = pathlib.Path(__file__).parents[2] / 'docs/operators.md'
    section = page.read_text(encoding='utf8').split('## At the edges')[1].split('\n## ')[0]
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in section.split('\n') if line.startswith('| `')]
    failed = 0
    for call, given, value, gradient, numpy_cell, torch_cell, _ in rows:
        spans = re.findall(r'`([^`]*)`', given)
        i = json.loads(spans[1][4:]) if len(spans) > 1 else None
        in_numpy, in_torch = CALLS[call.strip('`')]
        ours = (value.strip('`'), gradient.strip('`'))
        x = np.array(numbers(spans[0]))
        names = {'np': np, 'torch': torch, 'F': F, 'math': math, 'i': i}
        if (in_numpy is None) != (numpy_cell == '–'):
            print(f'{call} at {given}: whether NumPy has it')
            failed += 1
        elif in_numpy is not None:
            found = attempt(lambda: [float(one) for one in np.ravel(eval(in_numpy, {**names, 'x': x}))])
            if not check(call, (found, None), numpy_cell, ours):
                print(f'{call} at {given}: NumPy gives {found}')
                failed += 1
        leaf = torch.tensor(x, requires_grad=True)

        def run():
            y = eval(in_torch, {**names, 'x': leaf})
            values = [float(one) for one in y.detach().reshape(-1)]
            if not y.requires_grad:
                return values, None
            y.sum().backward()
            return values, leaf.grad.tolist()

        found = attempt(run)
        found = (found, None) if isinstance(found, str) else found
        if not check(call, found, torch_cell, ours):
            print(f'{call} at {given}: PyTorch gives {found}')
            failed += 1
    print(f'NumPy {np.__version__}, PyTorch {torch.__version__}: {len(rows)} rows, {failed} differ')
    sys.exit(failed > 0 or len(rows) == 0)


main()
