package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
)

// abFile writes two alternating files (docs/original.md, A/B files): PersistedWrapper{seq:1,
// data:2}, truncated in place, one fsync.
type abFile struct {
	dir    string
	prefix string
	seq    uint64
}

func openAB(dir, prefix string) (*abFile, error) {
	f := &abFile{dir: dir, prefix: prefix}
	for _, name := range []string{f.path(1), f.path(2)} {
		bytes, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			err = os.WriteFile(name, nil, 0o600)
		}
		if err != nil {
			return nil, err
		}
		if seq, ok := field(bytes, 1); ok && seq > f.seq {
			f.seq = seq
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return f, d.Sync()
}

func (f *abFile) path(seq uint64) string {
	suffix := "_b.pb"
	if seq%2 == 1 {
		suffix = "_a.pb"
	}
	return filepath.Join(f.dir, f.prefix+suffix)
}

func (f *abFile) persist(data []byte) error {
	seq := f.seq + 1
	bytes := make([]byte, 0, len(data)+24)
	bytes = append(bytes, 0x08)
	bytes = binary.AppendUvarint(bytes, seq)
	bytes = append(bytes, 0x12)
	bytes = binary.AppendUvarint(bytes, uint64(len(data)))
	bytes = append(bytes, data...)
	file, err := os.OpenFile(f.path(seq), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.Write(bytes); err != nil {
		file.Close()
		return err
	}
	if err := file.Sync(); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	f.seq = seq
	return nil
}
