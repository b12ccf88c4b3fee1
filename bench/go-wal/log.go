package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/tidwall/wal"
)

// indexedLog uses one tidwall log as the original does at 11419398f (docs/original.md, Segment
// files and One log): a goroutine serves writes and truncations, each write is one entry and one
// fsync, and entries are counted by position.
type indexedLog struct {
	wal       *wal.Log
	first     uint64 // index of the oldest entry; equal to next when empty
	next      uint64
	writes    chan writeRequest
	truncates chan truncateRequest
	closing   chan chan error
}

type writeRequest struct {
	bytes []byte
	done  chan error
}

type truncateRequest struct {
	index uint64
	done  chan error
}

func openLog(dir string) (*indexedLog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	w, err := wal.Open(dir, &wal.Options{NoSync: false, NoCopy: true, AllowEmpty: true})
	if err != nil {
		return nil, err
	}
	first, err := w.FirstIndex()
	if err != nil {
		return nil, err
	}
	last, err := w.LastIndex()
	if err != nil {
		return nil, err
	}
	l := &indexedLog{
		wal: w, first: first, next: last + 1,
		writes: make(chan writeRequest, 1024), truncates: make(chan truncateRequest, 1024), closing: make(chan chan error),
	}
	go l.serve()
	return l, nil
}

func (l *indexedLog) serve() {
	for {
		select {
		case request := <-l.writes:
			last, err := l.wal.LastIndex()
			if err == nil {
				err = l.wal.Write(last+1, request.bytes)
			}
			request.done <- err
		case request := <-l.truncates:
			request.done <- l.wal.TruncateFront(request.index)
		case done := <-l.closing:
			done <- l.wal.Close()
			return
		}
	}
}

func (l *indexedLog) count() uint64 { return l.next - l.first }

// write appends an entry; it is durable on return.
func (l *indexedLog) write(bytes []byte) error {
	done := make(chan error, 1)
	l.writes <- writeRequest{bytes, done}
	if err := <-done; err != nil {
		return err
	}
	l.next++
	return nil
}

// truncateBefore drops the entries below index, after verify has accepted the new oldest entry.
func (l *indexedLog) truncateBefore(index uint64, verify func([]byte) error) error {
	if index < l.first || index >= l.next {
		return fmt.Errorf("index %d is not in [%d, %d)", index, l.first, l.next)
	}
	survivor, err := l.wal.Read(index)
	if err != nil {
		return err
	}
	if err := verify(survivor); err != nil {
		return err
	}
	return l.truncate(index)
}

// truncateAll empties the log; its index continues.
func (l *indexedLog) truncateAll() error {
	if l.count() == 0 {
		return nil
	}
	return l.truncate(l.next)
}

func (l *indexedLog) truncate(index uint64) error {
	done := make(chan error, 1)
	l.truncates <- truncateRequest{index, done}
	if err := <-done; err != nil {
		return err
	}
	l.first = index
	return nil
}

// readAll reads all entries in order.
func (l *indexedLog) readAll(each func([]byte) error) error {
	for index := l.first; index < l.next; index++ {
		bytes, err := l.wal.Read(index)
		if err != nil {
			return err
		}
		if err := each(bytes); err != nil {
			return err
		}
	}
	return nil
}

func (l *indexedLog) close() error {
	done := make(chan error, 1)
	l.closing <- done
	return <-done
}

var errOutOfSequence = errors.New("out of sequence")
