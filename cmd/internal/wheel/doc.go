// Package wheel gets a libtorch out of the Python packages that ship it, with pip and without root.
//
//	folder, err := wheel.Fetch(ctx, wheel.Options{Version: "2.11.0", Folder: cache})
//
// pip downloads; nothing of the packages is installed or run. Out of the wheels come the headers and only the libraries that are needed,
// each file checked against the wheel's own RECORD. The CPU library of the wheels needs two small CUDA libraries: they come along.
package wheel
