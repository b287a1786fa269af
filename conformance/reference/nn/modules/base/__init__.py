"""What `Module` is made of, one concern a file; `conformance.reference.nn.modules.module` puts them together.

registration: the three tables of parameters, buffers and children, and the attribute access that fills them.
traversal: walking a tree of modules by name. conversion: moving and casting what it holds. hooks: everything that runs
around a call. state: state_dict and load_state_dict.
"""
