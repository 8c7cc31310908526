package pickle

import (
	"regexp"
	"slices"
	"strings"
)

// harmless are functions and classes that training programs leave beside the weights. A call of one becomes a record: nothing is made.
var harmless = []Global{
	{"builtins", "complex"},
	{"builtins", "slice"},
	{"builtins", "range"},
	{"builtins", "xrange"},
	{"builtins", "object"},
	{"builtins", "iter"},
	{"builtins", "reversed"},
	{"builtins", "enumerate"},
	{"builtins", "zip"},
	{"itertools", "count"},
	{"itertools", "cycle"},
	{"itertools", "repeat"},
	{"itertools", "chain"},
	{"itertools", "izip"},
	{"_operator", "itemgetter"},
	{"_operator", "attrgetter"},
	{"_operator", "methodcaller"},
	{"types", "SimpleNamespace"},
	{"types", "NoneType"},
	{"collections", "deque"},
	{"argparse", "Namespace"},
	{"logging", "getLogger"},
	{"re", "_compile"},
	{"array", "array"},
	{"array", "_array_reconstructor"},

	{"pathlib", "Path"},
	{"pathlib", "PosixPath"},
	{"pathlib", "WindowsPath"},
	{"pathlib", "PurePath"},
	{"pathlib", "PurePosixPath"},
	{"pathlib", "PureWindowsPath"},
	{"datetime", "datetime"},
	{"datetime", "date"},
	{"datetime", "time"},
	{"datetime", "timedelta"},
	{"datetime", "timezone"},
	{"decimal", "Decimal"},
	{"fractions", "Fraction"},
	{"uuid", "UUID"},
	{"pytz", "_UTC"},
	{"pytz", "_p"},
	{"zoneinfo", "ZoneInfo._unpickle"},
	{"zoneinfo._common", "ZoneInfo._unpickle"},

	{"numpy.random", "__RandomState_ctor"},
	{"numpy.random._pickle", "__randomstate_ctor"},
	{"numpy.random._pickle", "__bit_generator_ctor"},
	{"numpy.random._pickle", "__generator_ctor"},
	{"numpy.core", "_ufunc_reconstruct"},
	{"numpy._core", "_ufunc_reconstruct"},
	{"numpy.core", "_DType_reconstruct"},
	{"numpy._core", "_DType_reconstruct"},

	{"pandas._libs.internals", "_unpickle_block"},
	{"pandas.core.internals.blocks", "new_block"},
	{"pandas.core.indexes.base", "_new_Index"},
	{"pandas.core.indexes.datetimes", "_new_DatetimeIndex"},
	{"pandas._libs.tslibs.timestamps", "_unpickle_timestamp"},
	{"pandas._libs.tslibs.nattype", "_nat_unpickle"},
	{"pandas._libs.tslibs.timedeltas", "_timedelta_unpickle"},

	{"torch", "device"},
	{"torch.serialization", "_get_layout"},
	{"torch._C", "Generator"},
}

// inertCalls are classes outside of the table, by their modules, that only keep what they are called with: enumerations, errors, results of models and the
// like. A star stands for all of a module. Calls of others get a note.
var inertCalls = map[string][]string{
	"accelerate.utils.dataclasses": {
		"ComputeEnvironment", "DistributedType", "DynamoBackend", "LoggerType", "PrecisionType", "RNGType", "SageMakerDistributedType",
	},
	"inspect":                          {"Parameter", "Signature", "_ParameterKind"},
	"ipaddress":                        {"*"},
	"mmengine.config.config":           {"ConfigDict"},
	"numpy.random.bit_generator":       {"__pyx_unpickle_SeedSequence"},
	"pandas":                           {"StringDtype"},
	"pandas._libs.arrays":              {"__pyx_unpickle_NDArrayBacked"},
	"pandas.core.internals.managers":   {"BlockManager", "SingleBlockManager"},
	"peft.utils.peft_types":            {"PeftType", "TaskType"},
	"random":                           {"Random"},
	"re":                               {"RegexFlag"},
	"timm.layers.format":               {"Format"},
	"torch.ao.quantization.quant_type": {"QuantType"},
	"torch.distributed._shard.sharded_tensor.metadata": {"MEM_FORMAT_ENCODING"},
	"torch.distributed.checkpoint.metadata":            {"_MEM_FORMAT_ENCODING"},
	"torch.distributed.fsdp.api":                       {"BackwardPrefetch", "ShardingStrategy", "StateDictType"},
	"torch.return_types":                               {"*"},
	"torchvision.transforms.functional":                {"InterpolationMode"},
	"transformers.debug_utils":                         {"DebugOption"},
	"transformers.modeling_outputs":                    {"*"},
	"transformers.trainer_utils": {
		"EvaluationStrategy", "FSDPOption", "HPSearchBackend", "HubStrategy", "IntervalStrategy", "SaveStrategy", "SchedulerType",
	},
	"transformers.training_args": {"OptimizerNames", "ParallelMode"},
	"transformers.utils.generic": {"PaddingStrategy", "TensorType"},
}

// plainFunctions are functions of Python that compute something and act on nothing.
var plainFunctions = map[string]bool{
	"abs": true, "all": true, "any": true, "bool": true, "hash": true, "id": true, "isinstance": true, "len": true, "max": true, "min": true, "print": true,
	"repr": true, "round": true, "sorted": true, "sum": true,
}

// actors are packages that can act on the machine when an instance of one of their classes is made. Like executors, the list serves the message.
var actors = map[string]bool{
	"IPython": true, "aiohttp": true, "billiard": true, "bz2": true, "cffi": true, "cloudpickle": true, "concurrent": true, "dbm": true, "dill": true,
	"distutils": true, "docker": true, "doctest": true, "eventlet": true, "fabric": true, "gevent": true, "gzip": true, "httpx": true, "idlelib": true,
	"imaplib": true, "invoke": true, "joblib": true, "lib2to3": true, "logging": true, "loky": true, "lzma": true, "mmap": true, "multiprocess": true,
	"paramiko": true, "pexpect": true, "pkg_resources": true, "plumbum": true, "poplib": true, "psutil": true, "setuptools": true, "sh": true, "site": true,
	"socketserver": true, "sqlite3": true, "tarfile": true, "telnetlib": true, "test": true, "tornado": true, "trio": true, "turtle": true, "unittest": true,
	"urllib3": true, "uvicorn": true, "venv": true, "wsgiref": true, "xmlrpc": true, "zipfile": true,
}

var (
	// className matches what Python programmers call classes, and nothing else: members of enumerations, exceptions and the results of models are saved as calls
	// of their class with their value.
	className = regexp.MustCompile(`^(_*[A-Z][A-Za-z0-9_]*\.)*_*[A-Z][A-Za-z0-9_]*$`)
	// exceptionName matches the exceptions among Python's own classes.
	exceptionName = regexp.MustCompile(`^[A-Z][A-Za-z]*(Error|Exception|Warning|Interrupt|Iteration|Exit)$`)
	// helperName matches the functions by which Cython restores instances of its classes.
	helperName = regexp.MustCompile(`^__pyx_unpickle_[A-Za-z0-9_]+$`)
)

// harmless reports whether a call that is not in the table makes nothing but an instance of a class that does not act on the machine.
func (g *Global) harmless() bool {
	root, _, _ := strings.Cut(g.Module, ".")
	switch {
	case g.Module == "builtins":
		return exceptionName.MatchString(g.Name)
	case g.dangerous() || actors[root]:
		return false
	case g.Module == "torch.return_types":
		return true
	}
	return className.MatchString(g.Name) || helperName.MatchString(g.Name)
}

// inertCall reports whether calling it is known to do nothing but make an object.
func (g *Global) inertCall() bool {
	names := inertCalls[g.Module]
	return g.Module == "builtins" || slices.Contains(names, "*") || slices.Contains(names, g.Name)
}

// known reports whether the table of callables has it.
func (g *Global) known() bool {
	_, ok := callables[*g]
	return ok
}

// plain reports whether it is one of Python's own functions that act on nothing.
func (g *Global) plain() bool { return g.Module == "builtins" && plainFunctions[g.Name] }
