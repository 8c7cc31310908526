// Package libtorch finds the libtorch of this machine and describes it: version, folders, C++ ABI, whether its CUDA part can be linked. It also
// knows which versions the torch engine is tested with ([Versions]).
//
//	installation, err := libtorch.Find(ctx, libtorch.Search{Compiler: "g++"})
//
// Nothing of libtorch is loaded: the headers and the ELF files are read, and `ldd` is asked which libraries are missing. So the package can also
// say what is wrong with an installation that does not run.
package libtorch
