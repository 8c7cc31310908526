// Package picklegen makes pickles for tests: what Python and NumPy write in each protocol, and what attackers write.
//
//	content := picklegen.New(4).Dict(func(w *picklegen.Writer) {
//		w.Text("weight").Array(picklegen.Array{Code: "f4", Shape: []int{2}, Data: raw})
//	}).Stop()
//
// It shares no code with packages opcode and pickler, because tests judge them by it. The corpora of
// [Hostile] and [Bombs] serve every reader of pickles.
package picklegen
