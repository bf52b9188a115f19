// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <vmsnap/vmsnap.h>
import "C"

import "encoding/json"

// FactKind is what a fact is about.
type FactKind int

// The kinds.
const (
	FactMAC     FactKind = C.VMSNAP_FACT_MAC
	FactAddress FactKind = C.VMSNAP_FACT_ADDRESS
	FactPath    FactKind = C.VMSNAP_FACT_PATH
	FactUUID    FactKind = C.VMSNAP_FACT_UUID
	FactName    FactKind = C.VMSNAP_FACT_NAME
	FactVolume  FactKind = C.VMSNAP_FACT_VOLUME
)

// Fact is something that somebody holds and no connection shows.
type Fact struct {
	Kind    FactKind
	Value   string
	Holder  string // As conflicts name it.
	VMUUID  string // The VM that holds it, for which it is no conflict then; "": none.
	Network string // Of an address; "": not known.
}

// AddFact lets plans of this context take a fact for true, as long as it is open.
func (c *Context) AddFact(fact Fact) error {
	var a arena
	defer a.free()
	given := C.vmsnap_fact{
		struct_size: C.sizeof_vmsnap_fact,
		value:       a.text(fact.Value),
		holder:      a.text(fact.Holder),
		vm_uuid:     a.text(fact.VMUUID),
		network:     a.text(fact.Network),
		kind:        C.uint32_t(fact.Kind),
	}
	if a.err != nil {
		return a.err
	}
	var failure *C.vmsnap_error
	return take(C.vmsnap_context_add_fact(c.handle, &given, &failure), failure)
}

// RemoveFacts forgets the facts of one holder, or all for ""; how many there were.
func (c *Context) RemoveFacts(holder string) (int, error) {
	var a arena
	defer a.free()
	name := a.text(holder)
	if a.err != nil {
		return 0, a.err
	}
	var failure *C.vmsnap_error
	count := C.vmsnap_context_remove_facts(c.handle, name, &failure)
	if err := take(count, failure); err != nil {
		return 0, err
	}
	return int(count), nil
}

// Inventory is a reading of every VM of every connection with what it holds, and of all facts.
type Inventory struct {
	handle *C.vmsnap_inventory
}

// ReadInventory reads it. It looks only.
func (c *Context) ReadInventory() (*Inventory, error) {
	made := &Inventory{}
	var failure *C.vmsnap_error
	err := take(C.vmsnap_context_read_inventory(c.handle, &made.handle, &failure), failure)
	if err != nil {
		return nil, err
	}
	return made, nil
}

// VMCount is how many virtual machines it has.
func (i *Inventory) VMCount() int {
	return int(C.vmsnap_inventory_get_vm_count(i.handle))
}

// JSON is the whole reading: "items" are the holders.
func (i *Inventory) JSON() json.RawMessage {
	return raw(C.vmsnap_inventory_get_json(i.handle))
}

// Close releases the reading.
func (i *Inventory) Close() {
	C.vmsnap_inventory_unref(i.handle)
	i.handle = nil
}
