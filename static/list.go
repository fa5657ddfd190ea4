package static

// link is an Entry's place in a list; the zero value is in none.
type link struct {
	prev, next *link
	owner      *Entry
}

func (k *link) linked() bool { return k.next != nil }

// list is a ring of links, the latest used at the front.
type list struct {
	root link
	n    int
}

func (l *list) init() { l.root.next, l.root.prev = &l.root, &l.root }

func (l *list) pushFront(k *link) {
	k.prev, k.next = &l.root, l.root.next
	k.prev.next, k.next.prev = k, k
	l.n++
}

func (l *list) remove(k *link) {
	k.prev.next, k.next.prev = k.next, k.prev
	k.prev, k.next = nil, nil
	l.n--
}

func (l *list) touch(k *link) {
	if l.root.next == k {
		return
	}
	k.prev.next, k.next.prev = k.next, k.prev
	k.prev, k.next = &l.root, l.root.next
	k.prev.next, k.next.prev = k, k
}

// back is the least used link, nil in an empty list.
func (l *list) back() *link { return l.before(&l.root) }

// before steps from k towards the front, nil at its end.
func (l *list) before(k *link) *link {
	if k.prev == &l.root {
		return nil
	}
	return k.prev
}
