package webmsg

import "google.golang.org/protobuf/reflect/protoreflect"

// first calls name with the first field that a message has, in the order of
// its schema.
func first(name func(string)) func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
	lowest := protoreflect.FieldNumber(1 << 29)
	return func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if f.Number() < lowest && f.Name() != "messageContextInfo" {
			lowest = f.Number()
			name(string(f.Name()))
		}
		return true
	}
}
