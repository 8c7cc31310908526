"""Made the folder distributed, with PyTorch 2.11.0, gloo and processes on this machine: python distributed.py

ranks.*: each process saves its own state dict (torch.save); dcp.*: they save one together (torch.distributed.checkpoint). FOLDER.txt says what the whole
tensors are, as full_tensor() gives them: a line each with name, dtype, shape, and the SHA-256 of the bytes.
"""
import hashlib
import os
import shutil

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp import ShardedStateDictConfig, StateDictType
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor

from make import line


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = torch.nn.Parameter(torch.randn(1, 1, 4))
        self.first = torch.nn.Linear(4, 5)
        self.norm = torch.nn.BatchNorm1d(5)
        self.table = torch.nn.Parameter(torch.randn(7, 3))


def whole(value):
    return value.full_tensor() if isinstance(value, DTensor) else value


def describe(name, state):
    lines = [line(key, whole(value), lambda b: hashlib.sha256(b).hexdigest()) for key, value in state.items()]
    if dist.get_rank() == 0:
        with open(f"distributed/{name}.txt", "w") as out:
            out.writelines(lines)


def save_ranks(name, state, **arguments):
    describe(name, state.get("model", state))
    os.makedirs(f"distributed/{name}", exist_ok=True)
    torch.save(state, f"distributed/{name}/rank{dist.get_rank()}.pth", **arguments)


def work(rank, size):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(29600 + size))
    dist.init_process_group("gloo", rank=rank, world_size=size)
    torch.manual_seed(1)
    net = Net()
    if size == 4:
        mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("copies", "parts"))
        save_ranks("ranks.hybrid", fully_shard(net, mesh=mesh).state_dict())
        full = torch.arange(30.0).reshape(5, 6)
        grid = {"both": distribute_tensor(full, mesh, [Shard(0), Shard(1)]), "twice": distribute_tensor(full, mesh, [Shard(1), Shard(1)]),
                "columns": distribute_tensor(full, mesh, [Replicate(), Shard(1)]), "all": distribute_tensor(full.to(torch.bfloat16), mesh, [Replicate(), Replicate()])}
        save_ranks("ranks.grid", grid)
        describe("dcp.grid", grid)
        dcp.save(grid, checkpoint_id="distributed/dcp.grid")
        return dist.destroy_process_group()
    if size == 2:
        flat = FullyShardedDataParallel(torch.nn.Linear(4, 5), device_id=torch.device("cpu"), use_orig_params=False)
        with FullyShardedDataParallel.state_dict_type(flat, StateDictType.LOCAL_STATE_DICT):
            if rank == 0:
                torch.save({key: value.local_tensor() if hasattr(value, "local_tensor") else value for key, value in flat.state_dict().items()}, "distributed/flat.pth")
            else:
                flat.state_dict()
        with FullyShardedDataParallel.state_dict_type(flat, StateDictType.SHARDED_STATE_DICT, ShardedStateDictConfig()):
            state = flat.state_dict()
            if rank == 0:
                torch.save(state, "distributed/sharded.pth")
    state = fully_shard(net).state_dict()
    save_ranks(f"ranks.{size}", state)
    if size == 2:
        save_ranks("ranks.legacy", {"model": state, "epoch": 3}, _use_new_zipfile_serialization=False)
    describe(f"dcp.{size}", state)
    dcp.save({"model": state, "optim": {"state": {"first.weight": {"momentum_buffer": state["first.weight"]}}, "param_groups": [{"lr": 0.1}]}, "epoch": 3},
             checkpoint_id=f"distributed/dcp.{size}")
    dist.destroy_process_group()


def main():
    shutil.rmtree("distributed", ignore_errors=True)
    os.makedirs("distributed")
    for size in 1, 2, 4:
        mp.spawn(work, args=(size,), nprocs=size)


if __name__ == "__main__":
    main()
