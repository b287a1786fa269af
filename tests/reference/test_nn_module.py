# ruff: noqa: E501
"""Modules behave on the reference as on torch: the same short programs leave the same log."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections import OrderedDict
from typing import Any

import pytest

from conformance import reference

torch = pytest.importorskip("torch")

# Each program writes to `log`; `attempt(function, *arguments)` logs the result or the class of the error.
PROGRAMS = {
    "a name lives in one table at a time": """
        m = nn.Module()
        m.a = nn.Linear(1, 1); m.a = nn.Parameter(torch.ones(1)); log(list(m._modules), list(m._parameters))
        m.b = 3; m.register_buffer('c', torch.ones(1)); m.c = None; log(list(m._buffers), m.c)
        attempt(setattr, m, 'a', torch.ones(1)); attempt(setattr, m, 'c', 3)
        m.a = None; log(list(m._parameters), m.a); del m.a; log(hasattr(m, 'a'))
        m.d = nn.Buffer(torch.ones(1), persistent=False); log(list(m._buffers), list(m.state_dict()))
    """,
    "registration refuses what has no place": """
        for kind, value in (('parameter', nn.Parameter(torch.ones(1))), ('buffer', torch.ones(1)), ('module', nn.ReLU())):
            m = nn.Module(); m.x = 1; add = getattr(m, f'register_{kind}')
            attempt(add, 'x', value); attempt(add, 'a.b', value); attempt(add, '', value); attempt(add, 3, value)
            attempt(add, 'wrong', 'text'); attempt(add, 'ok', None); attempt(add, 'ok', value)
        attempt(m.register_parameter, 'p', nn.Parameter(torch.ones(1)) * 2)
        attempt(m.register_parameter, 'p', torch.ones(1))
        class Early(nn.Module):
            def __init__(self): self.a = nn.Linear(1, 1)
        attempt(Early)
        attempt(nn.Module, 3); attempt(lambda: nn.Module(a=3)); attempt(nn.Module().forward)
        attempt(getattr, m, 'missing')
    """,
    "walking gives each object once, under its first name": """
        shared = nn.Linear(2, 2)
        m = nn.Sequential(OrderedDict(first=shared, second=nn.Sequential(shared, nn.BatchNorm1d(2)), third=None))
        for walk in (m.named_parameters, m.named_buffers, m.named_modules):
            log([name for name, _ in walk()], [name for name, _ in walk(remove_duplicate=False)],
                [name for name, _ in walk(prefix='net')])
        log([name for name, _ in m.named_children()], len(list(m.children())), len(list(m.parameters(recurse=False))))
        log([type(x).__name__ for x in m.modules()])
        attempt(m.get_submodule, 'second.1'); attempt(m.get_submodule, 'second.7'); attempt(m.get_submodule, '')
        attempt(lambda: m.get_parameter('second.0.weight').shape); attempt(m.get_parameter, 'second.1.running_mean')
        attempt(lambda: m.get_buffer('second.1.running_mean').tolist()); attempt(m.get_buffer, 'first.weight')
        m.set_submodule('second.0', nn.Identity()); log(m)
    """,
    "state dicts name, share and detach": """
        m = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
        s = m.state_dict(); log(list(s), type(s).__name__, dict(s._metadata))
        s['0.weight'].fill_(7); log(m[0].weight.tolist(), s['0.weight'].requires_grad)
        log(m.state_dict(keep_vars=True)['0.weight'] is m[0].weight, list(m.state_dict(prefix='a.')))
    """,
    "loading is strict about names and shapes": """
        m = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
        s = m.state_dict(); s.pop('0.bias'); s['extra'] = torch.ones(1); s['0.weight'] = torch.ones(1, 2)
        attempt(m.load_state_dict, s); log(m[0].weight.tolist())
        log(m.load_state_dict(s, strict=False)); log(m.load_state_dict(m.state_dict()))
        s['0.weight'] = torch.ones(3, 2); attempt(m.load_state_dict, s); attempt(lambda: m.load_state_dict(s, strict=False))
        attempt(m.load_state_dict, [1]); attempt(lambda: m.load_state_dict({'0.bias': 3}, strict=False))
        w = torch.full((1, 2), 4.0); m.load_state_dict({'0.weight': w}, strict=False, assign=True)
        log(m[0].weight.data_ptr() == w.data_ptr(), isinstance(m[0].weight, nn.Parameter), m[0].weight.requires_grad)
        p = m[0].weight; m.load_state_dict({'0.weight': torch.zeros(1, 2)}, strict=False); log(p is m[0].weight, p.tolist())
    """,
    "state dict hooks run": """
        m = nn.Linear(1, 1)
        m.register_state_dict_pre_hook(lambda module, prefix, keep: log('pre', prefix, keep))
        m.register_state_dict_post_hook(lambda module, s, prefix, meta: s.update(more=1))
        log(list(m.state_dict()))
        n = nn.Linear(1, 1)
        n.register_load_state_dict_pre_hook(lambda module, s, *rest: log('load', sorted(s), module is n))
        n.register_load_state_dict_post_hook(lambda module, keys: keys.unexpected_keys.clear())
        log(n.load_state_dict(m.state_dict()))
        class Extra(nn.Linear):
            def get_extra_state(self): return {'a': 1}
            def set_extra_state(self, state): log('extra', state)
        e = Extra(1, 1); log(list(e.state_dict())); e.load_state_dict(e.state_dict()); attempt(e.load_state_dict, n.state_dict())
    """,
    "forward hooks see and replace": """
        m = nn.Linear(2, 2, bias=False); m.weight.data.copy_(torch.eye(2))
        x = torch.tensor([[1.0, 2.0]])
        a = m.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
        b = m.register_forward_pre_hook(lambda module, args: log('second', args[0].tolist()))
        c = m.register_forward_pre_hook(lambda module, args, kwargs: log('first', kwargs), prepend=True, with_kwargs=True)
        d = m.register_forward_hook(lambda module, args, out: out + 1)
        e = m.register_forward_hook(lambda module, args, kwargs, out: log('out', out.tolist(), kwargs), with_kwargs=True)
        log(m(x).tolist())
        for handle in (a, b, c, d, e): handle.remove()
        log(m(x).tolist(), len(m._forward_hooks), len(m._forward_hooks_with_kwargs))
        m.register_forward_hook(lambda module, args, out: log('always', out), always_call=True)
        attempt(m, torch.ones(1, 3))
        m.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True); attempt(m, x)
    """,
    "full backward hooks see and replace": """
        m = nn.Linear(2, 1, bias=False); m.weight.data.fill_(3.0)
        x = torch.ones(1, 2, requires_grad=True)
        m.register_full_backward_hook(lambda module, gi, go: log('hook', [g.tolist() for g in gi], [g.tolist() for g in go]))
        h = m.register_full_backward_hook(lambda module, gi, go: (gi[0] * 10,))
        m.register_full_backward_pre_hook(lambda module, go: (go[0] * 2,))
        m(x).sum().backward(); log(x.grad.tolist(), m.weight.grad.tolist()); h.remove()
        attempt(m.register_backward_hook, print)
        n = nn.ReLU(); n.register_full_backward_hook(lambda *a: (None, None)); attempt(lambda: n(x).sum().backward())
        k = nn.Linear(2, 1); k.register_full_backward_hook(lambda module, gi, go: log('no input', gi)); k(torch.ones(1, 2)).sum().backward()
        r = nn.ReLU(); r.register_full_backward_hook(lambda *a: None)
        def write(): y = r(x); y.add_(1)
        attempt(write)
    """,
    "global hooks run before a module's own": """
        from_module = nn.modules.module
        a = from_module.register_module_forward_pre_hook(lambda module, args: log('global pre'))
        b = from_module.register_module_forward_hook(lambda module, args, out: log('global'))
        m = nn.ReLU(); m.register_forward_hook(lambda *args: log('own')); m.register_forward_pre_hook(lambda *args: log('own pre'))
        m(torch.ones(1)); a.remove(); b.remove(); m(torch.ones(1))
    """,
    "conversion casts floating tensors and keeps parameters the same objects": """
        m = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)); p, b = m[0].weight, m[1].running_mean
        m(torch.ones(3, 2)).sum().backward(); g = p.grad
        log(m.double() is m, p is m[0].weight, b is m[1].running_mean, p.dtype, p.grad.dtype, g is p.grad)
        log(m[1].num_batches_tracked.dtype); m.half(); log(m[0].bias.dtype); m.bfloat16(); log(m[0].bias.dtype); m.float()
        attempt(m.to, torch.int64); m.to(torch.ones(1, dtype=torch.float64)); log(m[0].bias.dtype)
        m.to(device='cpu', dtype=torch.float32); log(m[0].bias.dtype, m[0].weight.is_leaf); m.type(torch.float64); log(m[1].num_batches_tracked.dtype)
    """,
    "train, eval, freezing and clearing": """
        m = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
        log(m.eval() is m, m.training, m[1].training, m.train().training); attempt(m.train, 'yes')
        m.requires_grad_(False); log([p.requires_grad for p in m.parameters()]); m.requires_grad_()
        m(torch.ones(1, 1)).sum().backward(); m.zero_grad(set_to_none=False); log(m[0].weight.grad.tolist()); m.zero_grad(); log(m[0].weight.grad)
        m.apply(lambda x: log(type(x).__name__))
    """,
    "sequential and module list act as sequences": """
        s = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
        log(len(s), s[1], s[-1], s[1:], [type(x).__name__ for x in s]); attempt(lambda: s[3])
        s.append(nn.GELU()); s.insert(1, nn.Identity()); s.extend([nn.ReLU()]); del s[0]; log(s, s.pop(0), len(s)); s[0] = nn.ELU(); log(s)
        log(s + nn.Sequential(nn.ReLU())); attempt(lambda: s + 3)
        l = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU()]); log(l, l[0:2], len(l + [nn.ReLU()])); l += [nn.Tanh()]; log(len(l))
        attempt(l, 1); attempt(nn.ModuleList, 3); l.insert(0, nn.Tanh()); log([n for n, _ in l.named_children()])
    """,
    "module dict and parameter containers": """
        d = nn.ModuleDict({'b': nn.ReLU(), 'a': nn.Tanh()}); log(list(d), 'a' in d, len(d), d['a'], d.pop('a'), d); d.update([['c', nn.ELU()]])
        log(list(d.items())); d.clear(); log(len(d)); attempt(lambda: d['z']); attempt(d.update, 3)
        p = nn.ParameterList([nn.Parameter(torch.ones(2)), torch.ones(1), 3])
        log(p, len(p), [n for n, _ in p.named_parameters()], p[0:2]); p.append(torch.zeros(1)); p += [torch.zeros(2)]; log(len(list(p.parameters())))
        attempt(p, 1); attempt(lambda: p[9])
        q = nn.ParameterDict({'b': nn.Parameter(torch.ones(2)), 'a': 3}); log(list(q), list(q.keys()), 'b' in q, q.get('z'), q['a'])
        q['c'] = torch.ones(1); log([n for n, _ in q.named_parameters()], q.pop('a'), len(q)); attempt(lambda: q['z']); log(list(q | nn.ParameterDict({'z': torch.ones(1)})))
    """,
    "copies are independent, pickles come back": """
        m = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)); m[0].weight.grad = torch.ones(1, 1)
        c = copy.deepcopy(m); c[0].weight.data.fill_(9); log(m[0].weight.item() == 9, c[0].weight.grad, type(c[0].weight).__name__)
        tied = nn.Sequential(m[0], m[0]); t = copy.deepcopy(tied); log(t[0] is t[1])
        back = pickle.loads(pickle.dumps(m)); log(torch.equal(back[0].weight, m[0].weight), back[0].weight.requires_grad, back[1].num_batches_tracked.item())
    """,
    "parameters share, mark and print": """
        x = torch.ones(2); p = nn.Parameter(x); x.fill_(3); log(p, p.is_leaf, p.requires_grad, isinstance(p, nn.Parameter), isinstance(x, nn.Parameter))
        log((p * 2).__class__.__name__, p.detach().__class__.__name__, nn.Parameter(x, requires_grad=False).requires_grad, p.data_ptr() == x.data_ptr())
        attempt(nn.Parameter, torch.tensor([1])); b = nn.Buffer(x); log(isinstance(b, nn.Buffer), b.persistent, b.requires_grad)
        log(nn.Parameter(torch.ones(1, requires_grad=True) * 2).is_leaf)
    """,
    "lazy modules take their shape from the first input": """
        m = nn.LazyLinear(3); log(m.has_uninitialized_params(), type(m).__name__, m.weight); attempt(lambda: m.weight.shape)
        m(torch.ones(2, 5)); log(type(m).__name__, m.weight.shape, m.in_features, len(m._forward_pre_hooks))
        n = nn.LazyLinear(3); n.load_state_dict(m.state_dict()); log(n.weight.shape); k = nn.LazyConv1d(2, 3); attempt(k, torch.ones(2))
        b = nn.LazyBatchNorm1d(); b(torch.ones(4, 2)); log(type(b).__name__, b.num_features, b.num_batches_tracked.item())
    """,
    "registration hooks see and replace": """
        from_module = nn.modules.module
        a = from_module.register_module_parameter_registration_hook(lambda module, name, p: log('parameter', name))
        b = from_module.register_module_buffer_registration_hook(lambda module, name, p: log('buffer', name))
        c = from_module.register_module_module_registration_hook(lambda module, name, p: nn.Tanh() if name == '1' else None)
        log(nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.BatchNorm1d(1, affine=False)))
        for handle in (a, b, c): handle.remove()
        nn.Linear(1, 1)
    """,
    "parametrizations compute a tensor from its original": """
        class Double(nn.Module):
            def forward(self, x): return x * 2
            def right_inverse(self, x): return x / 2
        class Symmetric(nn.Module):
            def forward(self, x): return x.triu() + x.triu(1).transpose(-1, -2)
        P = nn.utils.parametrize
        m = nn.Linear(2, 2); m.weight.data.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]])); w = m.weight
        log(P.register_parametrization(m, 'weight', Double()) is m, m.weight.tolist(), m.parametrizations.weight.original.tolist())
        log(P.is_parametrized(m), P.is_parametrized(m, 'bias'), type(m).__name__, P.type_before_parametrizations(m).__name__)
        log(list(m.state_dict()), m); m.weight = torch.ones(2, 2) * 6; log(m.weight.tolist(), m.parametrizations.weight.original.tolist())
        m(torch.ones(1, 2)).sum().backward(); log(m.parametrizations.weight.original.grad.tolist(), m.weight is m.weight)
        with P.cached(): log(m.weight is m.weight)
        P.register_parametrization(m, 'weight', Symmetric()); log(m.weight.tolist(), len(m.parametrizations.weight)); attempt(setattr, m, 'weight', torch.ones(2, 2))
        c = copy.deepcopy(m); log(c.weight.tolist(), c.parametrizations.weight.original is m.parametrizations.weight.original); attempt(pickle.dumps, m)
        P.remove_parametrizations(m, 'weight'); log(m.weight.tolist(), type(m).__name__, isinstance(m.weight, nn.Parameter), list(m.state_dict()))
        attempt(P.register_parametrization, m, 'nothing', Double()); attempt(P.remove_parametrizations, m, 'weight')
        class Wrong(nn.Module):
            def forward(self, x): return x[0]
        attempt(P.register_parametrization, m, 'weight', Wrong()); log(type(m).__name__)
        n = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)); log(list(n.state_dict()), [tuple(v.shape) for v in n.state_dict().values()])
        n.parametrizations.weight.original0.data.fill_(2.0); log(n.weight.norm(2, 1).round().tolist()); P.remove_parametrizations(n, 'weight'); log(n)
    """,
    "clipping scales or bounds gradients": """
        p = [torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)]
        p[0].grad, p[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
        log(nn.utils.clip_grad_norm_(p, 1.0).item(), [[round(v, 4) for v in q.grad.tolist()] for q in p])
        log(nn.utils.clip_grad_norm_(p, 9.0).item(), nn.utils.get_total_norm([q.grad for q in p], float('inf')).item())
        nn.utils.clip_grad_value_(p, 0.5); log([[round(v, 4) for v in q.grad.tolist()] for q in p]); p[0].grad.fill_(float('nan'))
        attempt(lambda: nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True))
        v = nn.utils.parameters_to_vector(p); nn.utils.vector_to_parameters(v * 2, p); log(v.tolist(), p[0].tolist())
    """,
    "synchronised batch norm stands in for batch norm": """
        m = nn.Sequential(nn.BatchNorm1d(2), nn.ReLU()); c = nn.SyncBatchNorm.convert_sync_batchnorm(m)
        log(c, c[0].weight is m[0].weight, c(torch.tensor([[1.0, 2.0], [3.0, 5.0]])).round().tolist()); attempt(c[0], torch.ones(3))
    """,
}


def _run(t: Any, source: str) -> list[str]:
    lines: list[str] = []

    def log(*values: Any) -> None:
        lines.append(" ".join(str(value) for value in values))

    def attempt(function: Any, *arguments: Any) -> None:
        try:
            log(function(*arguments))
        except Exception as error:
            log(type(error).__name__)

    t.manual_seed(3)
    names = {"torch": t, "nn": t.nn, "log": log, "attempt": attempt, "copy": copy, "pickle": pickle}
    body = "\n".join(line[8:] for line in source.strip("\n").split("\n"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(body, {**names, "OrderedDict": OrderedDict})
    return lines


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_leaves_the_log_that_torch_leaves(name: str) -> None:
    """Values, texts and classes of errors are torch's, line by line."""
    ours, theirs = _run(reference, PROGRAMS[name]), _run(torch, PROGRAMS[name])
    assert len(theirs) > 1
    assert ours == theirs


def test_saving_keeps_sharing_and_refuses_what_is_not_weights() -> None:
    """Views saved together share memory when loaded; a whole module needs weights_only=False."""
    x = reference.arange(6)
    file = io.BytesIO()
    reference.save({"x": x, "odd": x[1::2], "p": reference.nn.Parameter(reference.ones(1))}, file)
    file.seek(0)
    loaded = reference.load(file)
    loaded["odd"].mul_(10)
    assert loaded["x"].tolist() == [0, 10, 2, 30, 4, 50]
    assert isinstance(loaded["p"], reference.nn.Parameter)
    file = io.BytesIO()
    reference.save(reference.nn.Linear(1, 1), file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="weights_only=False"):
        reference.load(file)
    file.seek(0)
    assert isinstance(reference.load(file, weights_only=False), reference.nn.Linear)


def test_map_location_moves_storages() -> None:
    """A tensor saved on an accelerator loads there, or where map_location says."""
    file = io.BytesIO()
    reference.save(reference.ones(2, device="accel"), file)
    for location, expected in (
        (None, "accel"),
        ("cpu", "cpu"),
        ({"accel:0": "cpu"}, "cpu"),
        (lambda s, tag: None, "accel"),
    ):
        file.seek(0)
        assert reference.load(file, map_location=location).device.type == expected


def test_a_module_moves_to_an_accelerator_and_trains_there() -> None:
    """Parameters, buffers and optimizer state live on the device; nothing can be mixed with the processor."""
    nn = reference.nn
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)).to("accel")
    optimizer = reference.optim.Adam(model.parameters(), lr=0.1)
    x = reference.randn(8, 2, device="accel")
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert {each.device.type for each in [*model.parameters(), *model.buffers()]} == {"accel"}
    assert optimizer.state[model[0].weight]["exp_avg"].device.type == "accel"
    with pytest.raises(RuntimeError, match="same device"):
        model(reference.randn(8, 2))
