package store_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// pullVariable makes the test program pull a blob into a cache and end, for tests that need several processes.
const pullVariable = "STORE_TEST_PULL"

type pull struct {
	Address, Dir string
	Blob         store.Blob
	NoLocks      bool
	// Ready is a file to make just before the copy begins, or empty.
	Ready string
}

func puller() bool {
	text := os.Getenv(pullVariable)
	if text == "" {
		return false
	}
	var p pull
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		err = p.run()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return true
}

func (p pull) run() error {
	src, err := httpstore.New(p.Address, httpstore.Options{})
	if err != nil {
		return err
	}
	dst, err := cache.New(p.Dir, cache.Options{NoLocks: p.NoLocks})
	if err != nil {
		return err
	}
	if p.Ready != "" {
		if err := os.WriteFile(p.Ready, nil, 0o600); err != nil {
			return err
		}
	}
	_, err = store.Copy(context.Background(), src, dst, p.Blob, store.Options{})
	return err
}

// start starts the pull in a process of its own.
func (p pull) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	command := storetest.Process(t, pullVariable, p)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command, &output
}

// TestKilled kills a pull at 20 random moments or more; in the end the bytes are right. After each kill the next process asks the server for nothing
// that the journal records. What was written but not recorded, which is less than a chunk, is fetched again.
func TestKilled(t *testing.T) {
	t.Parallel()
	const chunk = 256 << 10
	content := storetest.Random(24*chunk+4321, 1)
	for name, blob := range map[string]store.Blob{
		"chunked": storetest.Describe(content, chunk), "unknown": {Name: "weights", Size: store.UnknownSize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, storetest.Throttle(8<<20))
			p := pull{Address: server.Set("/w", content), Dir: t.TempDir(), Blob: blob}
			random := rand.New(rand.NewPCG(7, 7))
			kills := 0
			var left []store.Span // what the last process recorded
			for ended := false; !ended; {
				earlier := len(server.Requests())
				ended = killed(t, p, server, random.Int64N(3*chunk/2))
				for _, request := range server.Requests()[earlier:] {
					requireNew(t, request, left)
				}
				if kills > 100 {
					t.Fatal("nothing is kept")
				}
				if !ended {
					kills++
					left = requireRecorded(t, p.Dir, content, chunk)
				}
			}
			c, err := cache.New(p.Dir, cache.Options{})
			if err != nil {
				t.Fatal(err)
			}
			requireBlob(t, c, storetest.Describe(content, 0), content)
			if kills < 20 {
				t.Errorf("%d kills hit", kills)
			}
		})
	}
}

// killed kills a pull when the server has sent so many bytes, and reports whether the pull ended before that.
func killed(t *testing.T, p pull, server *storetest.Server, bytes int64) (ended bool) {
	t.Helper()
	command, output := p.start(t)
	stop := make(chan struct{})
	go killWhenServed(server, server.Served()+bytes, command.Process, stop)
	err := command.Wait()
	close(stop)
	if output.Len() > 0 {
		t.Fatalf("%v: %s", err, output)
	}
	return err == nil
}

// requireNew wants a request to be for bytes that the cache does not have.
func requireNew(t *testing.T, request storetest.Request, have []store.Span) {
	t.Helper()
	var first, last int64
	if request.Method != http.MethodGet {
		return
	}
	if _, err := fmt.Sscanf(request.Range, "bytes=%d-%d", &first, &last); err != nil {
		t.Fatalf("a request was for the whole file: %+v", request)
	}
	for _, span := range have {
		if first < span.End() && span.Offset <= last {
			t.Errorf("bytes %d to %d were requested, though %d to %d are there", first, last, span.Offset, span.End()-1)
		}
	}
}

// requireRecorded compares the journal that a killed process left with the file beside it. All recorded bytes must be right, and less than a chunk may
// be right without being recorded. It returns what is recorded.
func requireRecorded(t *testing.T, dir string, content []byte, chunk int) []store.Span {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "partial", "*.part"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		return nil // it was killed before it began
	}
	// On file systems whose locks prove nothing, partial files are copied, so there may be several; the one with the longest journal counts.
	path := slices.MaxFunc(paths, func(a, b string) int { return cmp.Compare(sizeOf(a+".journal"), sizeOf(b+".journal")) })
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	recorded := make([]bool, len(content))
	spans := journalled(t, path+".journal")
	for _, span := range spans {
		if !bytes.Equal(file[span.Offset:span.End()], content[span.Offset:span.End()]) {
			t.Errorf("bytes %d to %d are recorded, and wrong", span.Offset, span.End()-1)
		}
		for i := span.Offset; i < span.End(); i++ {
			recorded[i] = true
		}
	}
	unrecorded := 0
	for i := range file[:min(len(file), len(content))] {
		if file[i] != 0 && file[i] == content[i] && !recorded[i] {
			unrecorded++
		}
	}
	if unrecorded >= chunk {
		t.Errorf("%d bytes were written and not recorded, a chunk has %d", unrecorded, chunk)
	}
	return spans
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// journalled reads the latest record of each offset.
func journalled(t *testing.T, path string) []store.Span {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	latest := map[int64]int64{}
	for line := range strings.Lines(string(text)) {
		var offset, size int64
		if strings.HasPrefix(line, "version ") {
			clear(latest)
		}
		if n, _ := fmt.Sscanf(line, "bytes %d %d", &offset, &size); n == 2 && strings.HasSuffix(line, "\n") {
			latest[offset] = size
		}
	}
	var spans []store.Span
	for offset, size := range latest {
		spans = append(spans, store.Span{Offset: offset, Size: size})
	}
	return spans
}

// killWhenServed kills a process as soon as the server has sent so many bytes, unless stop is closed first.
func killWhenServed(server *storetest.Server, served int64, process *os.Process, stop <-chan struct{}) {
	for server.Served() < served {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
	}
	process.Kill()
}

// TestTwoProcesses lets two processes pull the same blob at the same time, again and again. With locks there is one download; without, both must still
// end with the right bytes.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	content := storetest.Random(8*chunkSize, 1)
	blob := storetest.Describe(content, chunkSize)
	times := 50
	if testing.Short() {
		times = 5
	}
	for name, test := range map[string]struct {
		blob    store.Blob
		noLocks bool
		times   int
	}{
		"locks": {blob, false, times}, "no locks": {blob, true, 5}, "locks, unknown": {store.Blob{Name: "w", Size: store.UnknownSize}, false, 5},
	} {
		t.Run(name, func(t *testing.T) {
			for range test.times {
				served := pullTwice(t, pull{Dir: t.TempDir(), Blob: test.blob, NoLocks: test.noLocks}, content)
				if !test.noLocks && served != blob.Size {
					t.Errorf("%d bytes were served, the blob has %d", served, blob.Size)
				}
			}
		})
	}
}

// pullTwice lets two processes pull, and returns how many bytes they fetched together. The server answers once both are running.
func pullTwice(t *testing.T, p pull, content []byte) (served int64) {
	t.Helper()
	ready := []string{filepath.Join(p.Dir, "ready0"), filepath.Join(p.Dir, "ready1")}
	// toLock is how long a process needs from there to the lock. A process without a digest that comes later rightly fetches again.
	toLock := 20 * time.Millisecond
	if p.Blob.Digest == "" {
		toLock = 500 * time.Millisecond
	}
	server := storetest.NewServer(t, func(_ http.ResponseWriter, x *storetest.Exchange) bool {
		for _, path := range ready {
			waitForFile(x.Request.Context(), path)
		}
		time.Sleep(toLock)
		return false
	})
	defer server.Close()
	p.Address = server.Set("/w", content)
	var group sync.WaitGroup
	for _, path := range ready {
		p.Ready = path
		command, output := p.start(t)
		group.Go(func() {
			if err := command.Wait(); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
	group.Wait()
	c, err := cache.New(p.Dir, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	requireBlob(t, c, storetest.Describe(content, 0), content)
	return server.Served()
}

func waitForFile(ctx context.Context, path string) {
	for ctx.Err() == nil {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestDeadHolder kills the process that has the lock of a blob; the one that waits for it goes on.
func TestDeadHolder(t *testing.T) {
	t.Parallel()
	content := storetest.Random(8*chunkSize, 1)
	server := storetest.NewServer(t, storetest.First(1, storetest.Stall(chunkSize)))
	p := pull{Address: server.Set("/w", content), Dir: t.TempDir(), Blob: storetest.Describe(content, chunkSize)}
	first, _ := p.start(t)
	for server.Served() == 0 {
		time.Sleep(time.Millisecond)
	}
	second, output := p.start(t)
	time.Sleep(100 * time.Millisecond)
	first.Process.Kill()
	if err := first.Wait(); err == nil {
		t.Error("the stalled process ended without an error")
	}
	if err := second.Wait(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}
