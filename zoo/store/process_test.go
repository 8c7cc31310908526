package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/beitzoo/beitzoo/zoo/store"
	"github.com/beitzoo/beitzoo/zoo/store/cache"
	"github.com/beitzoo/beitzoo/zoo/store/httpstore"
	"github.com/beitzoo/beitzoo/zoo/store/storetest"
)

// pullVariable makes the test program pull a blob into a cache and end: for what only separate processes can show.
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

// start begins to pull in a process of its own.
func (p pull) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), pullVariable+"="+string(text))
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command, &output
}

// TestKilled kills the process with signal 9 at drawn moments; in the end the bytes are right, and each kill cost less than a chunk. The server
// sends slowly, so that what it sent is what arrived.
func TestKilled(t *testing.T) {
	t.Parallel()
	const chunk = 256 << 10
	content := storetest.Random(16*chunk+4321, 1)
	for name, blob := range map[string]store.Blob{
		"chunked": storetest.Describe(content, chunk), "unknown": {Name: "weights", Size: store.UnknownSize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := storetest.NewServer(t, storetest.Throttle(4<<20))
			p := pull{Address: server.Set("/w", content), Dir: t.TempDir(), Blob: blob}
			random := rand.New(rand.NewPCG(7, 7))
			kills := 0
			for ; ; kills++ {
				command, output := p.start(t)
				stop := make(chan struct{})
				go killWhenServed(server, server.Served()+random.Int64N(2*chunk), command.Process, stop)
				err := command.Wait()
				close(stop)
				if err == nil {
					break
				}
				if output.Len() > 0 || kills > 60 {
					t.Fatalf("after %d kills: %v: %s", kills, err, output)
				}
			}
			c, err := cache.New(p.Dir, cache.Options{})
			if err != nil {
				t.Fatal(err)
			}
			requireBlob(t, c, storetest.Describe(content, 0), content)
			if kills < 10 {
				t.Errorf("%d kills hit", kills)
			}
			if twice := server.Served() - int64(len(content)); twice > int64(kills)*chunk {
				t.Errorf("%d bytes were sent twice, in %d kills", twice, kills)
			}
		})
	}
}

// killWhenServed kills a process as soon as the server has sent so many bytes.
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

// TestTwoProcesses pull the same blob at the same time, again and again: with locks there is one download, without both are right all the same.
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

// pullTwice lets two processes pull, and gives how many bytes they fetched together. The server answers when both are under way.
func pullTwice(t *testing.T, p pull, content []byte) (served int64) {
	t.Helper()
	ready := []string{filepath.Join(p.Dir, "ready0"), filepath.Join(p.Dir, "ready1")}
	server := storetest.NewServer(t, func(_ http.ResponseWriter, x *storetest.Exchange) bool {
		for _, path := range ready {
			waitForFile(x.Request.Context(), path)
		}
		time.Sleep(20 * time.Millisecond) // from there to the lock
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

// TestDeadHolder: a lock ends with its process, so nobody waits for the dead.
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
		t.Error("the stalled process ended well")
	}
	if err := second.Wait(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}
