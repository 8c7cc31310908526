from torchvision import transforms


def build_transform(is_train, args):
    """The pictures of an evaluation; on_cpu.py asks for no others."""
    if is_train:
        raise NotImplementedError("changed pictures")
    return transforms.Compose([
        transforms.Resize(int(args.input_size * 256 / 224), transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(args.input_size), transforms.ToTensor(),
        transforms.Normalize((0.5,) * 3, (0.5,) * 3)])
