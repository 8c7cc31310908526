

class Problem(Exception):
    """What keeps a recording from being made: one sentence that says what to do."""


# The names that a recording knows: the first line is what `beitzoo verify` compares, the second belongs to segmentation, the third to tokenizers.
STAGES = re.compile(
    r"embed|pool|logits|blocks\.(0|[1-9][0-9]*)(\.attn)?"
    r"|features\.(0|[1-9][0-9]*)|auxiliary_logits|logits_full"
    r"|codes|tokens|target|decoded|picture")
COARSEST = ("bfloat16", "float16", "float32", "float64")
SEGMENTATION, TOKENIZER, MASKED = "semantic segmentation", "image tokenizer", "masked image modelling"


def record(model, images, path, *, mask=None, names=None, call=None, result=None, decoder=None, quiet=True, **metadata):
    """Runs the model on images [N, channels, H, W], normalised, and writes the recording to path. Returns its tensors as numpy arrays.

    mask is [N, patches], 1 = masked, for masked models; without it every third patch of each image is masked. names says which modules give which
    stages: {"blocks.{i}": "trunk.{i}", "pool": "fc:in"}; {i} stands for every number, ":in" for what a module is given. call(model, images), or with a mask
    call(model, images, mask), runs a model that is not simply called with the images. result is the key, attribute or index of the result, if the model returns several
    tensors. decoder is that of a dVAE whose encoder is the model. Further keywords are metadata.
    """
    model = unwrapped(model)
    if not is_module(model):
        raise Problem(f"the model is a {type(model).__name__}, not a module of {FRAMEWORK}")
    pixels = numpy.ascontiguousarray(images if isinstance(images, numpy.ndarray) else array(images), dtype=numpy.float32)
    if pixels.ndim != 4:
        raise Problem(f"images have the shape {list(pixels.shape)}, not [N, channels, height, width]")
    recorder = Recorder(model, pixels, mask, call, result, decoder)
    with evaluating(model):
        recorder.watch()
        stages = recorder.choose(names or {})
        seen = recorder.run(stages)
    write(path, seen, {**recorder.metadata(stages), **metadata})
    if not quiet:
        print(recorder.summary(stages, seen, path))
    return seen


class Call:
    """One call of a module. The output is kept for the last ones alone."""

    def __init__(self, path, module, order):
        self.path, self.module, self.order = path, module, order
        self.shape = self.dtype = self.output = None


class Recorder:
    KEPT = 64

    def __init__(self, model, pixels, mask, call, result, decoder):
        self.model, self.pixels, self.decoder, self.notes = model, pixels, decoder, remarks(model)
        self.task = SEGMENTATION if is_module(getattr(model, "decode_head", None)) else TOKENIZER if hasattr(model, "encode_task_layer") else None
        self.given, self.wanted = call, result
        self.mask = self.choose_mask(mask)

    def choose_mask(self, mask):
        if self.given and mask is None:
            return None
        takes = self.given or any(name.split(".")[-1] == "mask_token" for name, _ in parameters(self.model)) and self.mask_argument() is not None
        if not takes:
            if mask is not None:
                raise Problem(f"{type(self.model).__name__} takes no mask; leave it out")
            return None
        patches = self.patches()
        if mask is None:
            return numpy.broadcast_to(numpy.arange(patches) % 3 == 1, (len(self.pixels), patches)).copy()
        mask = numpy.asarray(mask if isinstance(mask, numpy.ndarray) else array(mask)).reshape(len(mask), -1)
        if mask.shape != (len(self.pixels), patches) or not numpy.isin(mask, (0, 1)).all():
            raise Problem(f"the mask has the shape {list(mask.shape)}; for {len(self.pixels)} images of {patches} patches it is [{len(self.pixels)}, {patches}], of zeros and "
                          "ones")
        return mask.astype(bool)

    def mask_argument(self):
        """The module that takes the mask, and how the argument is called; None if none does."""
        for module in (self.model, getattr(self.model, "backbone", None)):
            for name in ("bool_masked_pos", "mask") if is_module(module) else ():
                if name in inspect.signature(module.forward).parameters:
                    return module, name
        return None

    def patches(self):
        """How many patches an image has: the first convolution cuts it into them."""
        for _, module in modules(self.model):
            if isinstance(module, CONVOLUTION):
                stride = getattr(module, "stride", None) or module._stride
                down, across = stride if isinstance(stride, (list, tuple)) else (stride, stride)
                return (self.pixels.shape[2] // down) * (self.pixels.shape[3] // across)
        raise Problem("no convolution cuts the images into patches, so the number of patches is not known; give the model a mask in call=")

    def forward(self):
        """Runs the model once, and returns what it returns."""
        images = tensor_like(self.pixels, self.model)
        try:
            if self.given:
                return self.given(self.model, images, *([] if self.mask is None else [tensor_like(self.mask, self.model)]))
            if self.task == SEGMENTATION:
                return self.segment(images)
            if hasattr(self.model, "encode_task_layer"):
                return self.model.encode(images)
            if self.mask is None:
                return self.model(images)
            module, name = self.mask_argument()
            options = {name: tensor_like(self.mask, self.model)}
            if "return_all_tokens" in inspect.signature(module.forward).parameters:
                options["return_all_tokens"] = True
            out = module(images, **options)
            return out if module is self.model else self.behind_backbone(out)
        except Problem:
            raise
        except Exception as error:
            raise Problem(f"{type(self.model).__name__} fails on images {list(self.pixels.shape)}: {one_line(error)}") from error

    def behind_backbone(self, out):
        """What the head of a masked model of OpenMMLab makes of what the backbone gives."""
        head = getattr(getattr(self.model, "head", None), "cls_head", None)
        neck = getattr(self.model, "neck", None)
        if not is_module(head):
            return out
        if is_module(neck):
            return [head(tokens) for tokens in neck(out, rel_pos_bias=self.model.backbone.shared_rel_pos_bias)]
        return head(out[-1][:, 1:])

    def segment(self, images):
        if not hasattr(self.model, "extract_feat"):
            return self.model(images)
        features = self.model.extract_feat(images)
        if is_module(getattr(self.model, "auxiliary_head", None)):
            self.model.auxiliary_head(features)
        return self.model.decode_head(features)

    def watch(self):
        """Runs the model and notes which modules are called, and what they give."""
        self.calls, kept, handles = [], [], []

        def begin(path, module):
            def action(_):
                self.calls.append(Call(path, module, len(self.calls)))
            return action

        def end(path):
            def action(output):
                call = next((c for c in reversed(self.calls) if c.path == path), None)
                value = first_tensor(output)
                if call is None or value is None or call.shape is not None:
                    return
                call.shape, call.dtype, call.output = list(value.shape), dtype_of(value), value
                kept.append(call)
                if len(kept) > self.KEPT:
                    kept.pop(0).output = None
            return action

        for path, module in modules(self.model):
            with contextlib.suppress(RuntimeError):  # modules of TorchScript take no hooks
                handles += [before(module, begin(path, module)), after(module, end(path))]
        try:
            self.outcome = self.forward()
        finally:
            for handle in handles:
                handle.remove()
        self.result = self.result_of(self.outcome)
        self.final = array(self.result)
        several = entries(self.outcome)
        if self.wanted is None and self.task is None and isinstance(self.outcome, (list, tuple)) and len(several) > 1 and self.final.ndim < 4:
            self.notes.append(f"the model returns several tensors, {shapes(several)}: the first is recorded as its result; name another with --result, in Python with result=")
        self.take_turn()

    def result_of(self, outcome):
        """The tensor in what the model returns that is its result."""
        name, fields = type(self.model).__name__, entries(outcome)
        if self.wanted is not None:
            value = first_tensor(fields.get(str(self.wanted), getattr(outcome, str(self.wanted), None)))
            if value is None:
                raise Problem(f"{name} returns no tensor {self.wanted}; it returns {shapes(fields) or f'a {type(outcome).__name__} without a tensor'}")
            return value
        for usual in ("logits", "pooler_output", "last_hidden_state"):
            value = fields.get(usual, getattr(outcome, usual, None))
            if is_tensor(value):
                return value
        if len(fields) > 1 and not isinstance(outcome, (list, tuple)):
            raise Problem(f"{name} returns several tensors, {shapes(fields)}; say which of them is its result: --result {list(fields)[-1]}, in Python result=")
        value = first_tensor(outcome)
        if value is None:
            raise Problem(f"{name} returns a {type(outcome).__name__} without a tensor; name the attribute with --result NAME, or run it with call=")
        return value

    def take_turn(self):
        """Chooses the call of each module that belongs to the result: of one that gives it that call, and of those that are called as often the same one."""
        called = {}
        for call in self.calls:
            called.setdefault(call.path, []).append(call)
        self.times = {path: len(calls) for path, calls in called.items()}
        self.turns = {1: 0}
        for path, calls in called.items():
            makes = [turn for turn, call in enumerate(calls) if path and self.gives_result(call)]
            if makes:
                self.turns[len(calls)] = makes[-1]
        self.first = {path: calls[self.turns.get(len(calls), 0)] for path, calls in called.items()}
        self.calls = sorted(self.first.values(), key=lambda call: call.order)

    def gives_result(self, call):
        return call.output is not None and call.shape == list(self.final.shape) and same(array(call.output), self.final)

    def turn(self, stage, path):
        """Which call of a module belongs to the result, from 0."""
        times = self.times.get(path, 1)
        if times not in self.turns:
            raise Problem(f"{stage}: the module {path} is called {times} times when the model runs once, and which of the calls belongs to the result is not known; "
                          "record what runs it once, with call= in Python, or name another module")
        return self.turns[times]

    def choose(self, names):
        """The stages: for each the path of a module, and whether what it is given or what it gives is recorded; or None if it follows from the result."""
        self.blocks = find_blocks(self.calls, len(self.pixels))
        stages = {}
        if self.task != TOKENIZER:
            for i, path in enumerate(self.blocks):
                stages[f"blocks.{i}"] = (path, "out")
                attention = find_attention(path, self.calls, self.first[path].shape)
                if attention:
                    stages[f"blocks.{i}.attn"] = (attention, "out")
            if self.blocks:
                stages["embed"] = (self.blocks[0], "in")
        if self.task == SEGMENTATION:
            stages.update({"features": ("decode_head", "in"), "logits": ("decode_head", "out")})
            if "auxiliary_head" in self.first:
                stages["auxiliary_logits"] = ("auxiliary_head", "out")
        elif self.task == TOKENIZER:
            stages["codes"] = ("encode_task_layer", "out")
        else:
            stages.update(self.ending())
        named = self.expand(names)
        stages.update(named)
        if self.blocks and self.task != TOKENIZER and not any(stage.endswith(".attn") for stage in stages):
            self.notes.append("no module of the blocks looks like its attention, so that is not recorded; name it with blocks.{i}.attn=MODULE")
        if not self.blocks and not any(stage.startswith("blocks.") for stage in named) and self.task is None:
            self.notes.append("no row of modules gives [N, tokens, channels], so no blocks are recorded; name them with blocks.{i}=MODULE")
        return stages

    def ending(self):
        """The stages after the blocks: the head is the module that gives the result; what it is given is pool. Without a head the result is pool."""
        shape, result = list(self.final.shape), {}
        outer = {c.path[:at] for c in self.calls for at in range(len(c.path)) if c.path[at] == "."}
        layers = [c for c in self.calls if c.path and c.path not in outer and c.shape == shape and own_parameters(c.module)]
        makers = [c for c in layers if self.gives_result(c)]
        heads = [c for c in makers if epsilon_of(c.module) is None]
        width = self.first[self.blocks[-1]].shape[-1] if self.blocks else None
        if len(shape) == 4 and not self.blocks:
            self.task = TOKENIZER
            return {"logits": None}
        if len(shape) == 4:
            self.notes.append("the model gives maps of features, which are not recorded; its blocks are")
        elif heads:
            result = {"logits": None, "pool": (heads[0].path, "in")}
        elif makers or width == shape[-1]:
            if not self.blocks or not self.gives_result(self.first[self.blocks[-1]]):
                result = {"pool": None}
                self.notes.append("no head gives the result, so it is recorded as pool, and there are no logits")
        else:
            result = {"logits": None}
            named = next((c for c in reversed(layers) if epsilon_of(c.module) is None), None)
            if named:
                result["pool"] = (named.path, "in")
                self.notes.append(f"something is done with what {named.path} gives before the model returns it: the result is recorded as logits; if it is not, name "
                                  f"them with logits={named.path}")
            else:
                self.notes.append("no module gives the result, so pool is not recorded; name it with pool=MODULE:in")
        return result

    def expand(self, names):
        """What the user says of stages: {i} stands for every number for which there is such a module."""
        paths, stages = {path for path, _ in modules(self.model)}, {}
        for stage, target in names.items():
            target, _, side = str(target).partition(":")
            if side not in ("", "in", "out"):
                raise Problem(f"{stage}={target}:{side}: a module gives something (:out) or is given something (:in)")
            pairs = [(stage, target)]
            if "{i}" in stage:
                if "{i}" not in target:
                    raise Problem(f"{stage}={target}: {{i}} stands in the name of the stage, and not in that of the module")
                pairs = []
                while (target.replace("{i}", str(len(pairs)))) in paths:
                    pairs.append((stage.replace("{i}", str(len(pairs))), target.replace("{i}", str(len(pairs)))))
                if not pairs:
                    raise Problem(f"{stage}={target}: the model has no module {target.replace('{i}', '0')}{nearest(target.replace('{i}', '0'), paths)}")
            for name, path in pairs:
                if not STAGES.fullmatch(name):
                    raise Problem(f"{name} is not a stage; they are embed, blocks.{{i}}.attn, blocks.{{i}}, pool and logits, and docs/recording.md has those of other models")
                if path not in paths:
                    raise Problem(f"{name}={path}: the model has no module {path}{nearest(path, paths)}")
                if path not in self.first or self.first[path].shape is None:
                    raise Problem(f"{name}={path}: the module {path} is not called on the way to the result, or gives no tensor")
                stages[name] = (path, side or "out")
        return stages

    def run(self, stages):
        """Runs the model again and returns the tensors of the recording."""
        seen, handles, found = {"input": self.pixels}, [], dict(modules(self.model))
        if self.mask is not None:
            seen["mask"] = self.mask.astype(numpy.uint8)

        def keep(name, given, turn):
            count = iter(range(turn, -1, -1))

            def action(value):
                if next(count, None) != 0:
                    return
                if name == "features":
                    for k, feature in enumerate(tensors(value)):
                        seen.setdefault(f"features.{k}", array(feature))
                    return
                value = first_tensor(list(value[0]) + list(value[1].values())) if given else first_tensor(value)
                if value is not None:
                    seen[name] = array(value)
            return action

        watched = [(name, *where, self.turn(name, where[0])) for name, where in stages.items() if where]
        for name, path, side, turn in watched:
            handles.append((before if side == "in" else after)(found[path], keep(name, side == "in", turn)))
        several = next((path for _, path, _, _ in watched if self.times.get(path, 1) > 1), None)
        if several:
            self.notes.append(f"{several} and others are called {self.times[several]} times when the model runs once; what is recorded is of call "
                              f"{self.turns[self.times[several]] + 1}, which gives the result")
        try:
            outcome = self.forward()
        finally:
            for handle in handles:
                handle.remove()
        again = array(self.result_of(outcome))
        if not close(again, self.final):
            raise Problem("the model gives another result when it runs again: dropout or noise is on, which eval() does not switch off here")
        for name in (name for name, where in stages.items() if where is None):
            seen[name] = again
        if self.task == TOKENIZER:
            self.tokenize(outcome, seen)
        elif self.task == SEGMENTATION and again.shape != seen["logits"].shape:
            seen["logits_full"] = again
        self.check(stages, seen)
        return seen

    def tokenize(self, outcome, seen):
        count = len(self.pixels)
        if "codes" in seen:  # VQ-KD: what it gives is (codes of the book, tokens, loss)
            seen["tokens"] = array(outcome[1]).reshape(count, -1).astype(numpy.int64)
            with contextlib.suppress(NotImplementedError):
                seen["target"] = array(first_tensor(self.model.decode(outcome[0])))
            return
        grid = seen["logits"].argmax(1)
        seen["tokens"] = grid.reshape(count, -1).astype(numpy.int64)
        if self.decoder is not None:
            with evaluating(self.decoder):
                decoded = first_tensor(self.decoder(tensor_like(array(one_hot(grid, seen["logits"].shape[1])), self.decoder)))
            seen["decoded"] = array(decoded)
            shown = 1 / (1 + numpy.exp(-seen["decoded"][:, :self.pixels.shape[1]]))
            seen["picture"] = numpy.clip((shown - 0.1) / 0.8, 0, 1).astype(seen["decoded"].dtype)

    def check(self, stages, seen):
        count = len(self.pixels)
        missing = sorted(stage for stage in stages if stage not in seen and stage != "features")
        if missing:
            raise Problem(f"{missing[0]}: the module {stages[missing[0]][0]} was called in one run and not in the other, or gives no tensor")
        for stage, value in seen.items():
            if value.ndim == 0 or value.shape[0] != count:
                raise Problem(f"{stage} has the shape {list(value.shape)}, which does not begin with the {count} images; a port with the tokens first needs call= and names=")

    def metadata(self, stages):
        of = [dtype_of(p) for _, p in parameters(self.model) if dtype_of(p) in COARSEST]
        computed = [c.dtype for c in self.calls if c.dtype in COARSEST and own_parameters(c.module)]
        stored, ran = coarsest(of or ["float32"]), coarsest(computed or of or [dtype_of(self.result)])
        facts = {
            "format": "beitzoo.recording.v1", "framework": FRAMEWORK, "framework_version": VERSION, "input": "stored",
            "implementation": f"{type(self.model).__module__}.{type(self.model).__name__}", "dtype": ran,
            "modules": json.dumps({stage: where[0] + (":in" if where[1] == "in" else "") for stage, where in stages.items() if where}),
        }
        if ran != stored:
            facts["autocast"], facts["parameters"] = ran, stored
        if self.task or self.mask is not None:
            facts["task"] = self.task or MASKED
        epsilons = {path: epsilon for path, module in modules(self.model) if (epsilon := epsilon_of(module)) is not None}
        if epsilons:
            inside = next((e for path, e in epsilons.items() if self.blocks and path.startswith(self.blocks[0] + ".")), next(iter(epsilons.values())))
            facts["epsilon"] = repr(float(inside))
            if len(set(epsilons.values())) > 1:
                self.notes.append(f"the norms have different epsilons ({', '.join(map(repr, sorted(set(epsilons.values()))))}); the recording says that of the blocks")
        taps = getattr(getattr(self.model, "config", getattr(self.model, "backbone", None)), "out_indices", None)
        if self.task == SEGMENTATION and taps is not None:
            facts["out_indices"] = json.dumps(list(taps))
        return facts

    def summary(self, stages, seen, path):
        if "features" in stages:
            where = stages["features"]
            stages = {**{s: w for s, w in stages.items() if s != "features"}, **{name: where for name in seen if name.startswith("features.")}}
        lines = [f"wrote {path}: {len(self.pixels)} images, {len(seen)} tensors"]
        lines += [f"  {stage:<16} {list(seen[stage].shape)}, " + ("the result" if where is None else f"what {where[0]} is given" if where[1] == "in" else where[0])
                  for stage, where in sorted(stages.items(), key=lambda item: stage_order(item[0])) if stage in seen]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def tensors(value):
    """The tensors in a result, in their order."""
    if is_tensor(value):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for part in value for t in tensors(part)] if isinstance(value, (list, tuple)) else []


def first_tensor(value):
    return next(iter(tensors(value)), None)


def entries(outcome):
    """What a model returns by key, or by index, without what holds no tensor."""
    parts = outcome._asdict() if hasattr(outcome, "_asdict") else outcome
    if isinstance(parts, (list, tuple)):
        parts = dict(enumerate(parts))
    return {str(key): value for key, value in parts.items() if tensors(value)} if isinstance(parts, dict) else {}


def shapes(fields):
    """The names of tensors with their shapes."""
    return ", ".join(f"{key} {list(first_tensor(value).shape)}" for key, value in list(fields.items())[:6])


NUMBERED = re.compile(r"(.*?)([0-9]+)")


def find_blocks(calls, images):
    """The paths of the blocks: modules of one class whose names differ in a number alone, with children, and all of whose results have the same shape
    [N, tokens, channels]. Of several such rows the outermost are considered, one with attention first, then the longest, then the earliest."""
    rows = {}
    for call in calls:
        parts = NUMBERED.fullmatch(call.path)
        if parts and call.shape and len(call.shape) == 3 and call.shape[0] == images and call.shape[1] > 1 and any(c.path.startswith(call.path + ".") for c in calls):
            rows.setdefault((parts[1], type(call.module), tuple(call.shape)), {}).setdefault(int(parts[2]), call)
    paths = {call.path for row in rows.values() for call in row.values()}
    outer = [row for row in rows.values() if not any(path != call.path and call.path.startswith(path + ".") for call in row.values() for path in paths)]

    def rank(row):
        first = row[min(row)]
        return not find_attention(first.path, calls, first.shape), -len(row), first.order

    best = min(outer, key=rank, default={})
    return [best[number].path for number in sorted(best)]


def find_attention(block, calls, shape):
    """The path of the outermost module of a block that has attention in its name, or else in that of its class, and gives a result of the block's shape."""
    inside = [c for c in calls if c.path.startswith(block + ".") and c.shape == shape]
    inside.sort(key=lambda c: (c.path.count("."), c.order))
    for says in (lambda c: re.search(r"att(n|ention)$", c.path.rsplit(".", 1)[-1]), lambda c: "attention" in type(c.module).__name__.lower()):
        found = next((c.path for c in inside if says(c)), None)
        if found:
            return found
    return None


def stage_order(stage):
    kind = stage.split(".")[0]
    order = ("embed", "blocks", "pool", "features", "logits", "auxiliary_logits").index(kind) if kind in ("embed", "blocks", "pool", "features", "logits") else 9
    number = re.search(r"[0-9]+", stage)
    return order, int(number[0]) if number else 0, not stage.endswith(".attn")


def coarsest(dtypes):
    return next((dtype for dtype in COARSEST if dtype in dtypes), "float32")


def close(a, b):
    return a.shape == b.shape and bool(numpy.allclose(a, b, rtol=1e-2, atol=1e-3 * max(1e-30, float(numpy.nanmax(numpy.abs(b), initial=0))), equal_nan=True))


def same(a, b):
    return numpy.array_equal(a, b, equal_nan=True)


def nearest(path, paths):
    import difflib

    found = difflib.get_close_matches(path, [p for p in paths if p], n=1)
    return f"; the nearest is {found[0]}" if found else ""


def one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def write(path, seen, metadata):
    """Writes the file under another name first, so that it appears whole or not at all."""
    partial = f"{path}.partial-{os.getpid()}"
    try:
        save_file({name: numpy.ascontiguousarray(value) for name, value in seen.items()}, partial, metadata={key: str(value) for key, value in metadata.items()})
        os.replace(partial, path)
    except OSError as error:
        raise Problem(f"{path} can't be written: {one_line(error)}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)


def read_input(path):
    """Images, mask and names of images in a file: an array of numpy, or a safetensors file with "input", such as a recording."""
    try:
        if str(path).endswith(".npy"):
            return numpy.load(path), None, {}
        found = load_file(path)
    except Exception as error:
        raise Problem(f"{path} can't be read as images: {one_line(error)}") from error
    if "input" not in found:
        raise Problem(f'{path} holds no tensor "input"; it has {", ".join(sorted(found)[:5])}')
    from safetensors import safe_open
    with safe_open(path, "numpy") as file:
        stated = file.metadata() or {}
    return found["input"], found.get("mask"), {"images": stated["images"]} if "images" in stated else {}


def size_of(model, wanted):
    """Height, width and channels of the images of a model."""
    channels = next((getattr(m, "in_channels", None) or getattr(m, "_in_channels", 3) for _, m in modules(model) if isinstance(m, CONVOLUTION)), 3)
    if wanted:
        parts = re.fullmatch(r"([0-9]+)(?:x([0-9]+))?", wanted)
        if not parts:
            raise Problem(f"--size {wanted} is neither a number of pixels nor two, as in 32x224 (height x width)")
        return int(parts[1]), int(parts[2] or parts[1]), channels
    for _, module in modules(model):
        for holder in (module, getattr(module, "config", None)):
            for name in ("img_size", "image_size", "input_size"):
                size = getattr(holder, name, None)
                if isinstance(size, int):
                    return size, size, channels
                if isinstance(size, (list, tuple)) and len(size) == 2:
                    return int(size[0]), int(size[1]), channels
    raise Problem("the model does not say which size of images it takes; say it with --size 224 or --size 32x224")


def built(name):
    """What a function of a Python file returns, for FILE.py:FUNCTION."""
    file, _, function = name.rpartition(":")
    if not os.path.isfile(file):
        raise Problem(f"{file}: no such file")
    sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
    spec = importlib.util.spec_from_file_location("recorded_port", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        return getattr(module, function)()
    except Exception as error:
        raise Problem(f"{name} fails: {one_line(error)}") from error


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="what to record; see above")
    parser.add_argument("output", help="the recording to write")
    parser.add_argument("--input", help="take the images of this file: .npy [N, channels, H, W], normalised, or a recording, such as one of beitzoo record")
    parser.add_argument("--images", type=int, default=2, help="without --input: how many images to draw (2)")
    parser.add_argument("--seed", type=int, default=0, help="without --input: what they are drawn from (0)")
    parser.add_argument("--size", help="without --input: their size, such as 224 or 32x224 (height x width)")
    parser.add_argument("--mask", help="for masked models: a .npy file [N, patches], 1 = masked (every third patch)")
    parser.add_argument("--map", action="append", default=[], metavar="STAGE=MODULE", help="where a stage is: blocks.{i}=trunk.{i}, pool=fc:in; may be repeated")
    parser.add_argument("--result", metavar="NAME", help="which of several tensors that the model returns is its result: a key, an attribute or a number from 0")
    parser.add_argument("--dtype", choices=COARSEST, help="cast the model first")
    parser.add_argument("--autocast", choices=("bfloat16", "float16"), help="run under autocast")
    parser.add_argument("--device", help="run on this device, such as cuda")
    parser.add_argument("--class", dest="model_class", metavar="CLASS", help="the class of transformers, if config.json does not say the right one")
    parser.add_argument("--decoder", help="for a dVAE: its decoder, as MODEL")
    parser.add_argument("--trust", action="store_true", help="read whole modules, which runs code in them")
    parser.add_argument("--note", help="a text for the metadata")
    return parser.parse_args()


def opened(name, options):
    model = built(name) if re.search(r"\.py:[A-Za-z_]\w*$", name) else load(name, options)
    model = unwrapped(model)
    if not is_module(model):
        raise Problem(f"{name} gives a {type(model).__name__}, not a module of {FRAMEWORK}")
    return cast(model, options.dtype, options.device)


def check_output(options):
    """Refuses to write the recording over a file that is read."""
    for given in (options.model, options.decoder, options.input, options.mask):
        file = re.sub(r"(\.py):[A-Za-z_]\w*$", r"\1", given or "")
        if os.path.isfile(file) and os.path.exists(options.output) and os.path.samefile(file, options.output):
            raise Problem(f"the output {options.output} is {file} itself, which is read; write to another file")


def main():
    options = arguments()
    check_output(options)
    names = {}
    for entry in options.map:
        stage, equals, module = entry.partition("=")
        if not equals or not module:
            raise Problem(f"--map {entry} is not of the form STAGE=MODULE, such as blocks.{{i}}=trunk.{{i}}")
        names[stage] = module
    model = opened(options.model, options)
    if options.input:
        images, mask, facts = read_input(options.input)
    else:
        if options.images < 1:
            raise Problem(f"--images {options.images} is not positive")
        height, width, channels = size_of(model, options.size)
        images = numpy.random.RandomState(options.seed).uniform(-2, 2, (options.images, channels, height, width)).astype(numpy.float32)
        mask, facts = None, {"seed": options.seed}
    if options.mask:
        mask = numpy.load(options.mask)
    if options.note:
        facts["note"] = options.note
    decoder = opened(options.decoder, options) if options.decoder else None
    with autocast(options.autocast, options.device):
        record(model, images, options.output, mask=mask, names=names, result=options.result, decoder=decoder, quiet=False, **facts)


if __name__ == "__main__":
    try:
        main()
    except (Problem, OSError, ImportError) as problem:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {problem}")
    except Exception as problem:  # of the program that the model is of
        sys.exit(f"{os.path.basename(sys.argv[0])}: {one_line(problem)}")
