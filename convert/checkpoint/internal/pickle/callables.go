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
		{"builtins", "bytes"}:     byteString,
		{"builtins", "bytearray"}: byteString,
		{"_codecs", "encode"}:     encode,
		{"builtins", "eval"}:      denseTensor,

		{"builtins", "complex"}:       inert,
		{"builtins", "slice"}:         inert,
		{"builtins", "range"}:         inert,
		{"builtins", "object"}:        inert,
		{"builtins", "getattr"}:       attribute,
		{"copyreg", "_reconstructor"}: reconstruct,
		{"argparse", "Namespace"}:     inert,

		{"pathlib", "Path"}: inert, {"pathlib", "PosixPath"}: inert, {"pathlib", "WindowsPath"}: inert,
		{"pathlib", "PurePath"}: inert, {"pathlib", "PurePosixPath"}: inert, {"pathlib", "PureWindowsPath"}: inert,
		{"datetime", "datetime"}: inert, {"datetime", "date"}: inert, {"datetime", "time"}: inert,
		{"datetime", "timedelta"}: inert, {"datetime", "timezone"}: inert,
		{"decimal", "Decimal"}: inert, {"fractions", "Fraction"}: inert, {"uuid", "UUID"}: inert,
		{"numpy.random", "__RandomState_ctor"}: inert, {"numpy.random._pickle", "__randomstate_ctor"}: inert,
		{"numpy.random._pickle", "__bit_generator_ctor"}: inert, {"numpy.random._pickle", "__generator_ctor"}: inert,

		{"numpy", "dtype"}:                                              newDType,
		{"numpy.core.multiarray", "_reconstruct"}:                       newArray,
		{"numpy.core.multiarray", "scalar"}:                             arrayScalar,
		{"numpy.core.numeric", "_frombuffer"}:                           fromBuffer,
		{"paddle.framework.io_utils", "_reconstruct_dense_tensor_data"}: onlyArray,

		{"torch._utils", "_rebuild_tensor"}:                 rebuildTensor,
		{"torch._utils", "_rebuild_tensor_v2"}:              rebuildTensor,
		{"torch._utils", "_rebuild_tensor_v3"}:              rebuildTensorV3,
		{"torch._utils", "_rebuild_parameter"}:              rebuildParameter,
		{"torch._utils", "_rebuild_parameter_with_state"}:   rebuildParameter,
		{"torch._tensor", "_rebuild_from_type_v2"}:          rebuildFromType,
		{"torch._utils", "_rebuild_qtensor"}:                unreadableTensor,
		{"torch._utils", "_rebuild_sparse_tensor"}:          unreadableTensor,
		{"torch._utils", "_rebuild_sparse_csr_tensor"}:      unreadableTensor,
		{"torch._utils", "_rebuild_nested_tensor"}:          unreadableTensor,
		{"torch._utils", "_rebuild_meta_tensor_no_storage"}: unreadableTensor,
		{"torch._utils", "_rebuild_wrapper_subclass"}:       unreadableTensor,
		{"torch", "Size"}:                                   sequence,
		{"torch", "device"}:                                 inert,
		{"torch.serialization", "_get_layout"}:              inert,
	}
}
