// SPDX-License-Identifier: LGPL-2.1-or-later

package vmsnap

// #include <stdlib.h>
// #include <vmsnap/vmsnap.h>
import "C"

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
	"unsafe"
)

// arena holds the C memory of one call, and the first thing wrong with its arguments.
type arena struct {
	held []unsafe.Pointer
	err  error
}

func (a *arena) free() {
	for _, pointer := range a.held {
		C.free(pointer)
	}
}

func (a *arena) refuse(format string, args ...interface{}) {
	if a.err == nil {
		a.err = &Error{Code: Invalid, Reason: "INVALID", Message: fmt.Sprintf(format, args...),
			Origin: "vmsnap"}
	}
}

// text is s in C; "" is NULL, the default of every option.
func (a *arena) text(s string) *C.char {
	if s == "" {
		return nil
	}
	return a.wholeText(s)
}

// wholeText is s in C, also when it is empty.
func (a *arena) wholeText(s string) *C.char {
	if strings.IndexByte(s, 0) >= 0 {
		a.refuse("text holds a NUL character")
		return nil
	}
	made := C.CString(s)
	a.held = append(a.held, unsafe.Pointer(made))
	return made
}

// list is texts in C, ended by NULL; nil is NULL.
func (a *arena) list(texts []string) **C.char {
	if texts == nil {
		return nil
	}
	size := unsafe.Sizeof((*C.char)(nil))
	made := C.calloc(C.size_t(len(texts)+1), C.size_t(size))
	a.held = append(a.held, made)
	items := unsafe.Slice((**C.char)(made), len(texts)+1)
	for i, text := range texts {
		items[i] = a.wholeText(text)
	}
	return (**C.char)(made)
}

// pairs is a map as sorted "key=value" texts; nil is nil.
func pairs(labels map[string]string) []string {
	if labels == nil {
		return nil
	}
	made := make([]string, 0, len(labels))
	for key, value := range labels {
		made = append(made, key+"="+value)
	}
	sort.Strings(made)
	return made
}

// milliseconds is a limit in C; 0 is the library's default, anything else at least 1 ms.
func (a *arena) milliseconds(limit time.Duration) C.uint32_t {
	value := (limit + time.Millisecond - 1) / time.Millisecond
	if limit < 0 || value > math.MaxUint32 {
		a.refuse("a time of %v is out of range", limit)
		return 0
	}
	return C.uint32_t(value)
}

// seconds is as milliseconds, in seconds.
func (a *arena) seconds(limit time.Duration) C.uint32_t {
	value := (limit + time.Second - 1) / time.Second
	if limit < 0 || value > math.MaxUint32 {
		a.refuse("a time of %v is out of range", limit)
		return 0
	}
	return C.uint32_t(value)
}

func flag(set bool, bit C.uint32_t) C.uint32_t {
	if set {
		return bit
	}
	return 0
}

// raw is a borrowed C text as JSON; NULL is nil.
func raw(text *C.char) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(C.GoString(text))
}
