package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// figures are the resources of this process. bench/contenders/go-wal.ts reads them by these names.
type figures struct {
	CPUMs        float64 `json:"cpuMs"` // within rounds only
	RSSBytes     int64   `json:"rssBytes"`
	RSSPeakBytes int64   `json:"rssPeakBytes"`
	WrittenBytes int64   `json:"writtenBytes"`
	StorageBytes int64   `json:"storageBytes"`
}

func cpuMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	ms := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e3 + float64(t.Usec)/1e3 }
	return ms(usage.Utime) + ms(usage.Stime)
}

func readFigures(cpu float64) figures {
	status, io := procFile("/proc/self/status"), procFile("/proc/self/io")
	return figures{
		CPUMs: cpu, RSSBytes: status["VmRSS"] * 1024, RSSPeakBytes: status["VmHWM"] * 1024,
		WrittenBytes: io["wchar"], StorageBytes: io["write_bytes"],
	}
}

func procFile(path string) map[string]int64 {
	fields := map[string]int64{}
	bytes, _ := os.ReadFile(path)
	for _, line := range strings.Split(string(bytes), "\n") {
		name, value, found := strings.Cut(line, ":")
		words := strings.Fields(value)
		if !found || len(words) == 0 {
			continue
		}
		if number, err := strconv.ParseInt(words[0], 10, 64); err == nil {
			fields[name] = number
		}
	}
	return fields
}
