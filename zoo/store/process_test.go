package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
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
			server := storetest.NewServer(t, storetest.Throttle(1<<20))
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
	times := 50
	if testing.Short() {
		times = 5
	}
	content := storetest.Random(8*chunkSize, 1)
	blob := storetest.Describe(content, chunkSize)
	for name, noLocks := range map[string]bool{"locks": false, "no locks": true} {
		t.Run(name, func(t *testing.T) {
			for range times {
				server := storetest.NewServer(t, storetest.Slow(5*time.Millisecond))
				p := pull{Address: server.Set("/w", content), Dir: t.TempDir(), Blob: blob, NoLocks: noLocks}
				var group sync.WaitGroup
				for range 2 {
					group.Go(func() {
						command, output := p.start(t)
						if err := command.Wait(); err != nil {
							t.Errorf("%v: %s", err, output)
						}
					})
				}
				group.Wait()
				server.Close()
				c, err := cache.New(p.Dir, cache.Options{})
				if err != nil {
					t.Fatal(err)
				}
				requireBlob(t, c, blob, content)
				if served := server.Served(); !noLocks && served != blob.Size {
					t.Errorf("%d bytes were served, the blob has %d", served, blob.Size)
				}
			}
		})
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
		var exit *exec.ExitError
		t.Fatalf("%v (%v): %s", err, errors.As(err, &exit), output)
	}
}
