"""Made harmless.protocol2.pth and harmless.protocol4.pth, with PyTorch 2.11.0, NumPy 2.4.6, lightning, torchmetrics, omegaconf, mmengine, pandas, ...:
python harmless.py

Each file holds one tensor under "model", and under "beside" what training programs keep beside their weights, an entry for each kind of object.
"""
import argparse
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import ipaddress
import itertools
import logging
import operator
import pathlib
import random
import re
import string
import types
import typing
import uuid
import zoneinfo

import numpy as np
import torch


class Mode(enum.Enum):
    A = "a"
    B = (1, 2)


class Number(enum.IntEnum):
    A = 1


class Flags(enum.Flag):
    A = 1
    B = 2


class Outer:
    class Inner(enum.Enum):
        X = 1

    class Plain:
        pass

    def method(self):
        pass

    @classmethod
    def make(cls):
        pass


class Slots:
    __slots__ = ("a",)

    def __init__(self):
        self.a = 3


Pair = collections.namedtuple("Pair", "a b")


class OwnDict(dict):
    pass


class OwnList(list):
    pass


class OwnSet(set):
    pass


class OwnInt(int):
    pass


@dataclasses.dataclass
class Data:
    a: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: int = 1


def python():
    return dict(
        enum=Mode.A, enum_tuple=Mode.B, int_enum=Number.A, flag=Flags.A, flags=Flags.A | Flags.B, inner=Outer.Inner.X, inner_class=Outer.Plain(),
        range=range(3), steps=range(1, 9, 2), deque=collections.deque([1, 2], maxlen=5), no_deque=collections.deque(), regex=re.compile("a", re.I),
        regex_flags=re.I | re.M, partial=functools.partial(torch.nn.LayerNorm, eps=1e-6), partial_print=functools.partial(print, 1), slice=slice(1, 2),
        ellipsis=..., not_implemented=NotImplemented, none_type=type(None), type=int, exception=ValueError("x"), os_error=FileNotFoundError(2, "no"),
        path=pathlib.PurePosixPath("/a/b"), windows=pathlib.PureWindowsPath("c:/x"), time=datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc),
        delta=datetime.timedelta(1), decimal=decimal.Decimal("1.5"), fraction=fractions.Fraction(1, 3), uuid=uuid.UUID(int=7), random=random.Random(1),
        random_state=random.Random(1).getstate(), nan=float("nan"), complex=1 + 2j, big=10**30, data=b"\xff\x00", no_data=b"", bytearray=bytearray(b"abc"),
        frozenset=frozenset([1]), set={1, 2}, namespace=types.SimpleNamespace(a=1), args=argparse.Namespace(a=1), generic=list[int],
        typing_dict=typing.Dict[str, int], optional=typing.Optional[int], any=typing.Any, callable=typing.Callable[[int], int], union=int | None,
        itemgetter=operator.itemgetter(1), attrgetter=operator.attrgetter("a"), methodcaller=operator.methodcaller("x", 1), count=itertools.count(3),
        cycle=itertools.cycle([1]), repeat=itertools.repeat(1, 3), chain=itertools.chain([1], [2]), iterator=iter([1, 2]), keys=iter({1: 2}),
        reversed=reversed([1, 2]), enumerate=enumerate([1]), zip=zip([1], [2]), map=map(str, [1]), logger=logging.getLogger("x"),
        counter=collections.Counter("aab"), defaultdict=collections.defaultdict(list, {1: [2]}),
        defaultdict_partial=collections.defaultdict(functools.partial(dict, a=1)), ordered=collections.OrderedDict(a=1),
        chain_map=collections.ChainMap({1: 2}), user_dict=collections.UserDict({1: 2}), named_tuple=Pair(1, 2), own_dict=OwnDict(a=1), own_list=OwnList([1]),
        own_set=OwnSet([1]), own_int=OwnInt(3), slots=Slots(), dataclass=Data(), frozen=Frozen(), bound=Outer().method, class_method=Outer.make,
        list_method=[1].append, array=array.array("f", [1, 2]), no_array=array.array("i"), address=ipaddress.ip_address("1.2.3.4"),
        network=ipaddress.ip_network("1.2.3.0/24"), template=string.Template("x"), parameter=inspect.Parameter("a", inspect.Parameter.POSITIONAL_ONLY),
        zone=zoneinfo.ZoneInfo("UTC"),
    )


def numpy():
    return dict(
        state=np.random.RandomState(1), generator=np.random.default_rng(1), legacy_state=np.random.RandomState(1).get_state(), philox=np.random.Philox(1),
        sfc=np.random.SFC64(1), seed=np.random.SeedSequence(1), float32=np.float32(1), int64=np.int64(2), bool=np.bool_(True), text=np.str_("x"),
        data=np.bytes_(b"x"), date=np.datetime64("2020-01-01"), delta=np.timedelta64(1, "D"), complex=np.complex64(1), long=np.longdouble(1),
        record=np.zeros(1, dtype=[("a", "f4")])[0], objects=np.array([1, "x", None], dtype=object), texts=np.array(["a", "b"]),
        struct=np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]), matrix=np.matrix([[1]]), masked=np.ma.array([1, 2], mask=[0, 1]),
        records=np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]), function=np.add, polynomial=np.polynomial.Polynomial([1, 2]),
        dates=np.array(["2020-01-01"], dtype="M8[D]"), dtype=np.dtype("f4"), dtypes=np.dtype([("a", "f4")]), empty=np.zeros((0, 3)), scalar=np.array(3.0),
    )


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.part = torch.nn.Linear(2, 2)


def pytorch():
    linear = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(linear.parameters())
    linear(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
    ones = torch.ones(2)
    return dict(
        generator=torch.Generator(), size=torch.Size([1, 2]), device=torch.device("cuda:1"), dtype=torch.float16, layout=torch.strided,
        scheme=torch.per_tensor_affine, quantised=torch.quantize_per_tensor(ones, 0.1, 1, torch.qint8),
        quantised32=torch.quantize_per_tensor(ones, 0.1, 1, torch.qint32),
        channels=torch.quantize_per_channel(torch.ones(2, 2), ones, torch.zeros(2), 0, torch.quint8), sparse=torch.eye(2).to_sparse(),
        csr=torch.eye(2).to_sparse_csr(), meta=torch.empty(2, device="meta"), nested=torch.nested.nested_tensor([ones, torch.ones(3)]),
        jagged=torch.nested.nested_tensor([ones, torch.ones(3)], layout=torch.jagged), conj=torch.ones(2, dtype=torch.complex64).conj(),
        neg=torch.ones(2, dtype=torch.complex64).conj().imag, float8=ones.to(torch.float8_e4m3fn), uninitialised=torch.nn.UninitializedParameter(),
        uninitialised_buffer=torch.nn.UninitializedBuffer(), lazy=torch.nn.LazyLinear(3), requires_grad=torch.ones(2, requires_grad=True),
        storage=torch.ones(3).untyped_storage(), typed=torch.ones(3).storage(), parameter=torch.nn.Parameter(ones), buffer=torch.nn.Buffer(ones),
        parameters=torch.nn.ParameterList([torch.nn.Parameter(torch.ones(1))]), optimizer=optimizer, state=optimizer.state_dict(), schedule=schedule,
        schedule_state=schedule.state_dict(), scaler=torch.amp.GradScaler("cpu"), module=Net(), method=linear.forward,
        distribution=torch.distributions.Normal(0, 1), config=torch.ao.quantization.get_default_qconfig("x86"),
        result=torch.return_types.max((torch.ones(1), torch.ones(1))),
    )


def programs():
    import addict
    import attr
    import box
    import dateutil.tz
    import easydict
    import lightning.fabric.utilities.data
    import ml_collections
    import mmengine.config
    import mmengine.logging
    import munch
    import omegaconf
    import pandas
    import peft
    import pytz
    import timm.models
    import torchmetrics
    import torchvision
    import transformers
    import yacs.config
    from transformers.modeling_outputs import BaseModelOutput

    hub = mmengine.logging.MessageHub.get_instance("hub")
    hub.update_scalar("loss", 1.0)
    history = mmengine.logging.HistoryBuffer()
    history.update(1.0)
    metric = torchmetrics.MeanMetric()
    metric.update(1.0)
    return dict(
        omegaconf=omegaconf.OmegaConf.create({"a": 1, "b": [1, {"c": "${a}"}]}), structured=omegaconf.OmegaConf.structured(Data),
        mmengine=mmengine.config.ConfigDict(a=1, b=dict(c=2)), mmengine_config=mmengine.config.Config(dict(a=1)), message_hub=hub,
        message_hub_state=hub.state_dict(), history=history, metric=metric, accuracy=torchmetrics.classification.MulticlassAccuracy(3),
        metrics=torchmetrics.MetricCollection([torchmetrics.MeanMetric()]), lightning=lightning.fabric.utilities.data.AttributeDict(a=1),
        yacs=yacs.config.CfgNode({"a": 1, "b": {"c": 2}}), easydict=easydict.EasyDict(a=1), addict=addict.Dict(a=1),
        ml_collections=ml_collections.ConfigDict({"a": 1, "b": {"c": 2}}), ml_frozen=ml_collections.FrozenConfigDict({"a": 1}),
        frame=pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}), series=pandas.Series([1, 2]), timestamp=pandas.Timestamp("2020-01-01"),
        munch=munch.Munch(a=1), box=box.Box(a=1), pytz=[pytz.utc, pytz.timezone("Europe/Berlin")], dateutil=dateutil.tz.tzutc(),
        training=transformers.TrainingArguments("x"), config=transformers.BeitConfig(), trainer=transformers.TrainerState(),
        output=BaseModelOutput(last_hidden_state=torch.ones(1)), interval=transformers.IntervalStrategy("steps"),
        transform=torchvision.transforms.Compose([torchvision.transforms.Resize(3)]), pretrained=timm.models.PretrainedCfg(),
        adapter=peft.LoraConfig(target_modules=["q"]), factory=attr.Factory(list),
    )


def main():
    beside = {f"{group.__name__}.{name}": made for group in (python, numpy, pytorch, programs) for name, made in group().items()}
    for protocol in 2, 4:
        torch.save({"model": {"weight": torch.arange(3.0)}, "beside": beside}, f"harmless.protocol{protocol}.pth", pickle_protocol=protocol)
    print(len(beside), "objects")


main()
