package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// persisters are those of the original: the A/B file of the anchor, the QC log, and one log per
// lane.
type persisters struct {
	dir    string
	anchor *abFile
	qcs    *numberedLog
	mutex  sync.RWMutex
	lanes  map[string]*numberedLog
}

// numberedLog is a log whose entries have contiguous numbers: next is the next number, the oldest
// is next - count.
type numberedLog struct {
	mutex  sync.Mutex
	log    *indexedLog
	next   uint64
	number func([]byte) uint64
}

func openNumbered(dir string, number func([]byte) uint64) (*numberedLog, error) {
	log, err := openLog(dir)
	if err != nil {
		return nil, err
	}
	n := &numberedLog{log: log, number: number}
	err = log.readAll(func(bytes []byte) error {
		got := number(bytes)
		if n.next > 0 && got != n.next {
			return fmt.Errorf("gap: %d after %d", got, n.next-1)
		}
		n.next = got + 1
		return nil
	})
	return n, err
}

func open(dir string) (*persisters, error) {
	p := &persisters{dir: dir, lanes: map[string]*numberedLog{}}
	var err error
	if err = os.MkdirAll(filepath.Join(dir, "blocks"), 0o700); err != nil {
		return nil, err
	}
	if p.anchor, err = openAB(dir, "avail_inner"); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(dir, "blocks"))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		lane, err := hex.DecodeString(entry.Name())
		if err != nil {
			continue
		}
		if p.lanes[string(lane)], err = openNumbered(filepath.Join(dir, "blocks", entry.Name()), blockNumber); err != nil {
			return nil, err
		}
	}
	p.qcs, err = openNumbered(filepath.Join(dir, "commitqcs"), roadIndex)
	return p, err
}

func (p *persisters) lane(lane []byte) (*numberedLog, error) {
	p.mutex.RLock()
	log := p.lanes[string(lane)]
	p.mutex.RUnlock()
	if log != nil {
		return log, nil
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if log = p.lanes[string(lane)]; log != nil {
		return log, nil
	}
	log, err := openNumbered(filepath.Join(p.dir, "blocks", hex.EncodeToString(lane)), blockNumber)
	if err == nil {
		p.lanes[string(lane)] = log
	}
	return log, err
}

// pruneTo makes `start` the oldest number, as MaybePruneAndPersist* of the original does.
func (n *numberedLog) pruneTo(start uint64) error {
	count := n.log.count()
	if count == 0 {
		n.next = max(n.next, start)
		return nil
	}
	oldest := n.next - count
	if start <= oldest {
		return nil
	}
	if start >= n.next {
		if err := n.log.truncateAll(); err != nil {
			return err
		}
		n.next = start
		return nil
	}
	return n.log.truncateBefore(n.log.first+start-oldest, func(survivor []byte) error {
		if got := n.number(survivor); got != start {
			return fmt.Errorf("survivor is %d, not %d", got, start)
		}
		return nil
	})
}

func (n *numberedLog) append(bytes []byte, number uint64) error {
	if number != n.next && !(n.next == 0 && n.log.count() == 0) {
		return fmt.Errorf("%w: %d, expected %d", errOutOfSequence, number, n.next)
	}
	if err := n.log.write(bytes); err != nil {
		return err
	}
	n.next = number + 1
	return nil
}

// durable holds the times at which the first block, the last block and the whole round were
// durable.
type durable struct {
	mutex              sync.Mutex
	first, last, round time.Duration
}

func (d *durable) block(after time.Duration) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.first == 0 || after < d.first {
		d.first = after
	}
	d.last = max(d.last, after)
}

// run persists a round in the original's order: the anchor first, then the QC log and all lanes in
// parallel.
func (p *persisters) run(r *round) (*durable, error) {
	start := time.Now()
	times := &durable{}
	if r.anchor != nil {
		if err := p.anchor.persist(r.anchor); err != nil {
			return nil, err
		}
	}
	failures := make(chan error, len(r.lanes)+1)
	var tasks sync.WaitGroup
	tasks.Add(1 + len(r.lanes))
	go func() {
		defer tasks.Done()
		failures <- p.persistQCs(r)
	}()
	for i := range r.lanes {
		lane := &r.lanes[i]
		go func() {
			defer tasks.Done()
			failures <- p.persistLane(r, lane, func() { times.block(time.Since(start)) })
		}()
	}
	tasks.Wait()
	times.round = time.Since(start)
	close(failures)
	for err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return times, nil
}

func (p *persisters) persistQCs(r *round) error {
	p.qcs.mutex.Lock()
	defer p.qcs.mutex.Unlock()
	if r.anchor != nil {
		index := roadIndex(r.anchorQC)
		if err := p.qcs.pruneTo(index); err != nil {
			return err
		}
		if index == p.qcs.next {
			if err := p.qcs.append(r.anchorQC, index); err != nil {
				return err
			}
		}
	}
	for _, qc := range r.qcs {
		if index := roadIndex(qc); index >= p.qcs.next {
			if err := p.qcs.append(qc, index); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *persisters) persistLane(r *round, lane *laneRound, afterEach func()) error {
	log, err := p.lane(lane.id)
	if err != nil {
		return err
	}
	log.mutex.Lock()
	defer log.mutex.Unlock()
	if r.anchor != nil {
		if err := log.pruneTo(lane.start); err != nil {
			return err
		}
	}
	for _, block := range lane.blocks {
		if err := log.append(block, blockNumber(block)); err != nil {
			return err
		}
		afterEach()
	}
	return nil
}

func (p *persisters) close() error {
	err := p.qcs.log.close()
	for _, lane := range p.lanes {
		if e := lane.log.close(); err == nil {
			err = e
		}
	}
	return err
}
