package store

import "sync"

// watch calls the callbacks of Options, one at a time.
type watch struct {
	mu          sync.Mutex
	options     Options
	done, total int64
}

// add adds n to the bytes that the destination has; n is negative if some turned out to be wrong.
func (w *watch) add(n int64) {
	if n == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done += n
	if w.options.Progress != nil {
		w.options.Progress(w.done, w.total)
	}
}

// begin sets the total, with nothing done yet.
func (w *watch) begin(total int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done, w.total = 0, total
}

// restart sets the bytes that are done to zero.
func (w *watch) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = 0
}

// finish reports that everything is done, unless that was reported already.
func (w *watch) finish(total int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.options.Progress != nil && (w.done != total || w.total != total) {
		w.options.Progress(total, total)
	}
}

// notice passes on a problem that Copy recovered from.
func (w *watch) notice(problem error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.options.Notice != nil {
		w.options.Notice(problem)
	}
}
