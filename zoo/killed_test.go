package zoo_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/zoo"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// pullVariable makes the test program pull the digits and die at some moment.
const pullVariable = "ZOO_TEST_PULL"

// mortal is a pull in a process of its own.
type mortal struct {
	Address, Folder string
	// Step and Done say when it kills itself; if Step is empty it does not.
	Step zoo.Step
	Done int64
}

func (m mortal) options() (zoo.Options, error) {
	local, err := cache.New(filepath.Join(m.Folder, "cache"), cache.Options{})
	return zoo.Options{Cache: local, State: filepath.Join(m.Folder, "state")}, err
}

// run is what the process does. It ends the program.
func (m mortal) run() {
	document, err := os.ReadFile(filepath.Join(m.Folder, "m.yaml"))
	if err == nil {
		err = m.pull(document)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (m mortal) pull(document []byte) error {
	options, err := m.options()
	if err != nil {
		return err
	}
	z, err := zoo.New(options)
	if err != nil {
		return err
	}
	parsed, err := zoo.ReadManifest("m.yaml", document)
	if err != nil {
		return err
	}
	_, err = z.Pull(context.Background(), zoo.MatchOf(parsed), zoo.PullOptions{Progress: func(step zoo.Step, done, _ int64) {
		if step == m.Step && done >= m.Done {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				_ = self.Kill()
			}
			select {} // until the signal arrives
		}
	}})
	return err
}

// start runs m in a process of its own, and reports whether it ended without being killed.
func (m mortal) start(t *testing.T) bool {
	t.Helper()
	output, err := storetest.Process(t, pullVariable, m).CombinedOutput()
	if len(output) > 0 {
		t.Fatalf("%v: %s", err, output)
	}
	return err == nil
}

// TestPullKilled kills pulls at 20 random moments of download and conversion. The next pull ends with the right file; if the conversion was
// interrupted, it fetches nothing again.
func TestPullKilled(t *testing.T) {
	t.Parallel()
	checkpoint, want := shipped(t, embedded.Checkpoint), canonicalDigits(t)
	random := rand.New(rand.NewPCG(1, 2))
	for number := range 20 {
		m := mortal{Step: zoo.Downloading, Done: random.Int64N(int64(len(checkpoint)))}
		if number%2 == 0 {
			m.Step, m.Done = zoo.Converting, random.Int64N(int64(len(want)))
		}
		t.Run(fmt.Sprintf("%s %d", m.Step, m.Done), func(t *testing.T) {
			server := storetest.NewServer(t)
			m.Folder, m.Address = t.TempDir(), server.Set("/weights", checkpoint)
			write(t, filepath.Join(m.Folder, "m.yaml"), upstream(t, m.Address).Raw)
			if m.start(t) {
				t.Fatal("the process was not killed")
			}
			before := len(server.Requests())
			died := m.Step
			m.Step = ""
			if !m.start(t) {
				t.Fatal("the second pull failed")
			}
			fetched := 0
			for _, request := range server.Requests()[before:] {
				if request.Method == http.MethodGet {
					fetched++
				}
			}
			if died == zoo.Converting && fetched > 0 {
				t.Errorf("%d requests for a checkpoint that was there already", fetched)
			}
			options, err := m.options()
			if err != nil {
				t.Fatal(err)
			}
			entries, err := options.Cache.List()
			if err != nil || len(entries) != 1 || !bytes.Equal(read(t, entries[0].Path), want) {
				t.Errorf("the cache has %v, %v", entries, err)
			}
			if left := leftovers(t, options); len(left) > 0 {
				t.Errorf("partial files are left: %q", left)
			}
		})
	}
}
