// Package wheel takes a libtorch out of the Python packages that ship it, with pip and without root.
//
//	folder, err := wheel.Fetch(ctx, wheel.Options{Version: libtorch.Default, Folder: cache})
//
// pip downloads; nothing of the packages is installed or run. The headers and only the libraries that are needed are taken out of the wheels, and
// each file is checked against the wheel's own RECORD. The CPU library in the wheels needs two small CUDA libraries, which are taken as well.
package wheel
