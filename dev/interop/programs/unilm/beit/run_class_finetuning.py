"""A training as unilm's script of this name does it, of timm's Beit, with the flags that the checks give. It runs under torchrun, on CPUs."""

import argparse
import math
import pathlib

import numpy
import torch
from timm.loss import LabelSmoothingCrossEntropy
from timm.models import create_model
from torchvision.datasets import ImageFolder

import datasets


def flags():
    parser = argparse.ArgumentParser()
    for name in ("model", "finetune", "data_set", "data_path", "eval_data_path", "output_dir", "device"):
        parser.add_argument(f"--{name}")
    for name in ("input_size", "batch_size", "epochs", "warmup_epochs", "nb_classes", "num_workers", "seed"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("lr", "min_lr", "layer_decay", "weight_decay", "smoothing", "drop_path"):
        parser.add_argument(f"--{name}", type=float)
    return parser.parse_args()


def groups(model, args):
    """Parameters with the factor of their learning rate and their decay."""
    behind = len(model.blocks) + 1
    for name, parameter in model.named_parameters():
        layer = int(name.split(".")[1]) + 1 if name.startswith("blocks.") else 0 if name.startswith(("cls_token", "patch_embed", "pos_embed")) else behind
        decays = parameter.ndim > 1 and not name.endswith(".bias") and name not in ("cls_token", "pos_embed")
        yield {"params": [parameter], "lr_scale": args.layer_decay ** (behind - layer), "weight_decay": args.weight_decay if decays else 0.0}


def rates(args, per_epoch):
    """The learning rate of each step: a straight line up from 0, and half a cosine down."""
    up = args.warmup_epochs * per_epoch
    down = args.epochs * per_epoch - up
    return [*numpy.linspace(0, args.lr, up),
            *(args.min_lr + (args.lr - args.min_lr) * (1 + math.cos(math.pi * i / down)) / 2 for i in range(down))]


def evaluate(model, data):
    model.eval()
    right = 0
    with torch.no_grad():
        for pixels, classes in torch.utils.data.DataLoader(data, 32):
            right += (model(pixels).argmax(1) == classes).sum().item()
    print(f"Accuracy of the network on the {len(data)} test images: {100 * right / len(data):.1f}%")


def main(args):
    torch.distributed.init_process_group("nccl")
    torch.manual_seed(args.seed)
    data = ImageFolder(args.data_path, datasets.build_transform(True, args))
    sampler = torch.utils.data.DistributedSampler(data)
    loader = torch.utils.data.DataLoader(data, args.batch_size, sampler=sampler, drop_last=True)
    whole = create_model(args.model, num_classes=args.nb_classes, init_values=0.1, use_rel_pos_bias=True, use_abs_pos_emb=False, use_mean_pooling=True)
    found = torch.load(args.finetune, weights_only=True)
    whole.load_state_dict(found.get("model", found))
    model = torch.nn.parallel.DistributedDataParallel(whole, device_ids=[0])
    optimizer = torch.optim.AdamW(groups(whole, args), lr=args.lr)
    criterion = LabelSmoothingCrossEntropy(args.smoothing)
    schedule = iter(rates(args, len(loader)))
    for epoch in range(args.epochs):
        sampler.set_epoch(epoch)
        model.train()
        for pixels, classes in loader:
            rate = next(schedule)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["lr_scale"]
            optimizer.zero_grad()
            criterion(model(pixels), classes).backward()
            optimizer.step()
    if torch.distributed.get_rank() == 0:
        evaluate(whole, ImageFolder(args.eval_data_path, datasets.build_transform(False, args)))
        saved = {"model": whole.state_dict(), "optimizer": optimizer.state_dict(), "epoch": args.epochs - 1, "args": args}
        pathlib.Path(args.output_dir).mkdir(exist_ok=True)
        torch.save(saved, pathlib.Path(args.output_dir) / f"checkpoint-{args.epochs - 1}.pth")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(flags())
