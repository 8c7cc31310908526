package pickle

// function makes the value that a call stands for. It runs nothing but the lines of this package.
type function func(l *loader, callable *Global, args []any) (any, error)

// callables lists everything that a pickle may ask to be called.
var callables map[Global]function

// containers are the classes in callables that the opcode NEWOBJ may make, too.
var containers = map[Global]bool{
	{"collections", "OrderedDict"}: true, {"collections", "defaultdict"}: true, {"collections", "Counter"}: true,
	{"builtins", "dict"}: true, {"builtins", "list"}: true, {"builtins", "tuple"}: true, {"builtins", "set"}: true,
	{"builtins", "frozenset"}: true, {"builtins", "int"}: true, {"builtins", "float"}: true, {"builtins", "str"}: true,
	{"builtins", "bytes"}: true, {"builtins", "bytearray"}: true, {"builtins", "complex"}: true,
}

// The table is filled here because one of its functions, rebuildFromType, looks into the table.
func init() {
	callables = map[Global]function{
		{"collections", "OrderedDict"}: dictionary,
		{"collections", "defaultdict"}: dictionary,
		{"collections", "Counter"}:     dictionary,
		{"builtins", "dict"}:           dictionary,

		{"builtins", "tuple"}:     sequence,
		{"builtins", "list"}:      sequence,
		{"builtins", "set"}:       sequence,
		{"builtins", "frozenset"}: sequence,
		{"builtins", "int"}:       scalar,
		{"builtins", "float"}:     scalar,
		{"builtins", "bool"}:      scalar,
		{"builtins", "str"}:       scalar,
		{"builtins", "long"}:      scalar,
		{"builtins", "unicode"}:   scalar,
		{"builtins", "bytes"}:     byteString,
		{"builtins", "bytearray"}: byteString,
		{"_codecs", "encode"}:     encode,
		{"builtins", "eval"}:      denseTensor,

		{"builtins", "getattr"}:       attribute,
		{"builtins", "type"}:          typeOf,
		{"builtins", "map"}:           applied,
		{"builtins", "filter"}:        applied,
		{"builtins", "reduce"}:        applied,
		{"functools", "reduce"}:       applied,
		{"itertools", "imap"}:         applied,
		{"itertools", "ifilter"}:      applied,
		{"functools", "partial"}:      bound,
		{"_operator", "getitem"}:      bound,
		{"_operator", "or_"}:          bound,
		{"types", "GenericAlias"}:     bound,
		{"copyreg", "_reconstructor"}: reconstruct,
		{"copyreg", "__newobj__"}:     newByFunction,

		{"numpy", "dtype"}:                                              newDType,
		{"numpy.core.multiarray", "_reconstruct"}:                       newArray,
		{"numpy.core.multiarray", "scalar"}:                             arrayScalar,
		{"numpy.ma.core", "_mareconstruct"}:                             maskedArray,
		{"numpy.core.numeric", "_frombuffer"}:                           fromBuffer,
		{"paddle.framework.io_utils", "_reconstruct_dense_tensor_data"}: onlyArray,
		{"paddle.base.dygraph.math_op_patch", "_rebuild_tensor"}:        paddleTensor,

		{"torch._utils", "_rebuild_tensor"}:                        rebuildTensor,
		{"torch._utils", "_rebuild_tensor_v2"}:                     rebuildTensor,
		{"torch._utils", "_rebuild_tensor_v3"}:                     rebuildTensorV3,
		{"torch._utils", "_rebuild_parameter"}:                     rebuildParameter,
		{"torch._utils", "_rebuild_parameter_with_state"}:          rebuildParameter,
		{"torch._tensor", "_rebuild_from_type_v2"}:                 rebuildFromType,
		{"torch._utils", "_rebuild_qtensor"}:                       unreadableTensor,
		{"torch._utils", "_rebuild_sparse_tensor"}:                 unreadableTensor,
		{"torch._utils", "_rebuild_sparse_csr_tensor"}:             unreadableTensor,
		{"torch._utils", "_rebuild_nested_tensor"}:                 unreadableTensor,
		{"torch._utils", "_rebuild_meta_tensor_no_storage"}:        unreadableTensor,
		{"torch._utils", "_rebuild_wrapper_subclass"}:              unreadableTensor,
		{"torch._utils", "_rebuild_device_tensor_from_numpy"}:      unreadableTensor,
		{"torch._utils", "_rebuild_device_tensor_from_cpu_tensor"}: unreadableTensor,
		{"torch._utils", "_rebuild_xla_tensor"}:                    unreadableTensor,
		{"torch.nested._internal.nested_tensor", "_rebuild_njt"}:   unreadableTensor,
		{"torch.nn.parameter", "UninitializedParameter"}:           unreadableTensor,
		{"torch.nn.parameter", "UninitializedBuffer"}:              unreadableTensor,
		{"torch", "Size"}: sequence,
	}
	for _, callable := range harmless {
		callables[callable] = inert
	}
}
