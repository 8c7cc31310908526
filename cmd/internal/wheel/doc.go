// Package wheel downloads a libtorch: it takes it out of the Python packages (wheels) that ship it. It needs pip, but no root.
//
//	folder, err := wheel.Fetch(ctx, wheel.Options{Version: libtorch.Default, Folder: cache})
//
// pip downloads; nothing of the packages is installed or run. The headers and only the libraries that are needed are taken out of the wheels, and
// each file is checked against the wheel's own RECORD. The CPU library in the wheels needs two small CUDA libraries, which are taken as well.
package wheel
