// Package measure has what benchmarks need: medians, and the memory and time of processes.
package measure

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Median returns the middle of the values, which need not be sorted, or the mean of the two in the middle. Of no values it is 0.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// The fields that Memory reads.
const (
	// Peak is the largest resident memory since the process started or ResetPeak was called.
	Peak = "VmHWM"
	// Anonymous is the resident memory that does not belong to mapped files.
	Anonymous = "RssAnon"
)

// Self is the pid that means this process.
const Self = 0

// Memory returns a field of Linux's /proc/PID/status in bytes. It is 0 if the process has ended, or if the system has no such file.
func Memory(pid int, field string) int64 {
	process := "self"
	if pid != Self {
		process = strconv.Itoa(pid)
	}
	status, err := os.ReadFile(filepath.Join("/proc", process, "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == field+":" {
			kilobytes, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}

// ResetPeak sets the peak of this process to its current memory. If the system cannot do that, the peak stays as it is.
func ResetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// Available returns how many bytes of memory this process may still take, by Linux's /proc/meminfo and the limit of its control group. It is 0 if the
// system does not say.
func Available() int64 {
	free := int64(0)
	info, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(info)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "MemAvailable:" {
			kilobytes, _ := strconv.ParseInt(words[1], 10, 64)
			free = kilobytes << 10
		}
	}
	limit, used := readNumber("/sys/fs/cgroup/memory.max"), readNumber("/sys/fs/cgroup/memory.current")
	if limit > used && used > 0 && (free == 0 || limit-used < free) {
		free = limit - used
	}
	return free
}

// readNumber returns the number that a file holds, or 0.
func readNumber(path string) int64 {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	number, _ := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	return number
}

// Processor returns the name of the processor, or "" if the system does not say.
func Processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ProcessorTime returns the time that all threads of this process computed, in the system too, in steps of 10 ms; 0 where the system does not say it.
func ProcessorTime() time.Duration {
	const tick, user, system = 10 * time.Millisecond, 11, 12
	raw, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:])) // behind the name of the program
	if len(fields) <= system {
		return 0
	}
	u, _ := strconv.ParseInt(fields[user], 10, 64)
	s, _ := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * tick
}
