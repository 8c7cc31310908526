//go:build slurm

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slurmConfig is the configuration of a cluster of one node, this machine, with two processors; without cgroups and accounting, for the user of the test.
const slurmConfig = `ClusterName=test
SlurmctldHost=%[2]s(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=%[1]s/munge.socket,cred_expire=5
SlurmUser=%[3]s
SlurmdUser=%[3]s
SlurmctldPort=%[4]d
SlurmdPort=%[5]d
StateSaveLocation=%[1]s/state
SlurmdSpoolDir=%[1]s/spool
SlurmctldPidFile=%[1]s/slurmctld.pid
SlurmdPidFile=%[1]s/slurmd.pid
SlurmctldLogFile=%[1]s/slurmctld.log
SlurmdLogFile=%[1]s/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0
NodeName=localhost NodeHostname=%[2]s NodeAddr=127.0.0.1 CPUs=2
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
`

// cluster is a Slurm that runs on this machine.
type cluster struct {
	folder string
	env    []string
}

// startCluster starts munged, slurmctld and slurmd, which end with the test.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{folder: t.TempDir()}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	own, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"state", "spool", "munge"} {
		if err := os.Mkdir(filepath.Join(c.folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(c.folder, "slurm.conf")
	write(t, config, fmt.Appendf(nil, slurmConfig, c.folder, host, own.Username, freePort(t), freePort(t)))
	write(t, filepath.Join(c.folder, "munge", "key"), []byte(strings.Repeat("not a secret, ", 20)))
	c.env = append(os.Environ(), "SLURM_CONF="+config)
	in := func(name string) string { return filepath.Join(c.folder, name) }
	c.start(t, "munged", "--foreground", "--force", "--key-file="+in("munge/key"), "--socket="+in("munge.socket"),
		"--pid-file="+in("munge/pid"), "--seed-file="+in("munge/seed"), "--log-file="+in("munge/log"))
	c.start(t, "slurmctld", "-D", "-f", config)
	c.start(t, "slurmd", "-D", "-N", "localhost", "-f", config)
	c.until(t, "a node is idle", func() bool {
		out, err := c.command("sinfo", "--noheader", "--format=%T").Output()
		return err == nil && strings.TrimSpace(string(out)) == "idle"
	})
	return c
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// start starts a daemon.
func (c *cluster) start(t *testing.T, name string, args ...string) {
	t.Helper()
	daemon := c.command(name, args...)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(10*time.Second, func() { _ = daemon.Process.Kill() })
		_ = daemon.Wait()
	})
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.Env = c.env
	return command
}

// until waits until something is so.
func (c *cluster) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(c.folder, "slurmctld.log"))
			jobs, _ := c.command("scontrol", "show", "job").CombinedOutput()
			t.Fatalf("it does not become true that %s\n%s\n%s", what, log, jobs)
		}
	}
}

// submit submits a script of deploy/slurm and returns the number of its job. Its output goes to a file for each task.
func (c *cluster) submit(t *testing.T, flags []string, script string, args ...string) string {
	t.Helper()
	words := append([]string{"--parsable", "--output=" + filepath.Join(c.folder, script+"-%a.out")}, flags...)
	words = append(append(words, filepath.Join("..", "..", "deploy", "slurm", script)), args...)
	out, err := c.command("sbatch", words...).CombinedOutput()
	if err != nil {
		t.Fatalf("sbatch %v: %v\n%s", words, err, out)
	}
	return strings.TrimSpace(string(out))
}

// done waits until a job has no more tasks that run or wait.
func (c *cluster) done(t *testing.T, job string) {
	t.Helper()
	c.until(t, "job "+job+" is done", func() bool {
		out, err := c.command("squeue", "--noheader", "--jobs="+job).Output()
		return err != nil || strings.TrimSpace(string(out)) == "" // it forgets jobs after a while
	})
}

// read returns what a job printed.
func (c *cluster) read(t *testing.T, name string) string {
	t.Helper()
	out, err := os.ReadFile(filepath.Join(c.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestSlurm runs deploy/slurm: an array of 4 tasks on 2 processors. One is killed in the middle of its work, requeued, and goes on; then all are added up.
func TestSlurm(t *testing.T) {
	c := startCluster(t)
	real, err := exec.LookPath("beitzoo")
	if err != nil {
		t.Fatal(err)
	}
	// A task that tells its process, to be killed.
	bin := filepath.Join(c.folder, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bin, "beitzoo"), fmt.Appendf(nil, "#!/bin/sh\necho $$ > %s/pid-${SLURM_ARRAY_TASK_ID:-none}\nexec %s \"$@\"\n", c.folder, real))
	if err := os.Chmod(filepath.Join(bin, "beitzoo"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.env = append(c.env, "PATH="+bin+":"+os.Getenv("PATH"))
	images, err := filepath.Abs(digitsImages())
	if err != nil {
		t.Fatal(err)
	}
	killed := false
	for attempt := 0; !killed && attempt < 10; attempt++ { // it may have been done before it was killed
		results := filepath.Join(c.folder, fmt.Sprintf("results%d", attempt))
		_ = os.Remove(filepath.Join(c.folder, "pid-2"))
		job := c.submit(t, []string{"--array=0-3"}, "eval.sbatch", "digits_p16_64", images, results, "--batch=1", "--threads=1")
		path := filepath.Join(results, "part-3-of-4.jsonl")
		waitFor(t, path, 3000, make(chan struct{}))
		pid, err := strconv.Atoi(strings.TrimSpace(c.read(t, "pid-2")))
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
		c.done(t, job)
		left, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		merge := func() string { return c.submit(t, []string{"--dependency=afterany:" + job}, "merge.sbatch", results) }
		if killed = !strings.Contains(string(left), `{"end":`); !killed {
			continue
		}
		c.done(t, merge())
		if out := c.read(t, "merge.sbatch-4294967294.out"); !strings.Contains(out, "part 3/4, "+path+", is not finished") {
			t.Errorf("before the killed task goes on: %s", out)
		}
		if out, err := c.command("scontrol", "requeue", job+"_2").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c.done(t, job)
		if out := c.read(t, "eval.sbatch-2.out"); !strings.Contains(out, " already: the others follow") {
			t.Errorf("the task that was killed: %s", out)
		}
		c.done(t, merge())
		if out := c.read(t, "merge.sbatch-4294967294.out"); !strings.Contains(out, rightDigits) {
			t.Error(out)
		}
	}
	if !killed {
		t.Error("no task was killed before it was done")
	}
	results := filepath.Join(c.folder, "predicted")
	answers := c.submit(t, []string{"--array=0-1"}, "predict.sbatch", "digits_p16_64", images, results)
	features := c.submit(t, []string{"--array=0-1"}, "features.sbatch", "digits_p16_64", images, results, "--feature=pool")
	c.done(t, answers)
	c.done(t, features)
	checkDigitAnswers(t, results)
	checkDigitFeatures(t, results)
}
