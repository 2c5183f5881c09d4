use minijinja::machinery::{Instruction, Instructions};
use minijinja::value::ValueKind;

use super::functions;

/// The line and the message for an instruction that templates may not use.
pub(super) type ForbiddenInstruction = (Option<usize>, String);

/// Marks a filter that the engine must look up by name.
const NOT_CACHED: u8 = !0;

/// Replaces expensive instructions with filters that count their cost, and refuses instructions that messages do not
/// need.
///
/// The fuel of the engine counts instructions, but a single one can double a text or compare two long lists. Therefore
/// every instruction whose cost depends on its operands becomes a call of a filter that counts the cost (see
/// `Operator`).
///
/// # Errors
///
/// Returns an error for other templates, unpacked arguments and methods.
pub(super) fn metered<'a>(
    compiled: &Instructions<'a>,
) -> Result<Instructions<'a>, ForbiddenInstruction> {
    let mut places = Vec::new();
    let mut rewritten = Vec::new();
    let mut index = 0;
    while let Some(instruction) = compiled.get(index) {
        places.push(place(rewritten.len()));
        let after_name = index.checked_sub(1).is_some_and(|before| {
            matches!(compiled.get(before), Some(Instruction::LoadConst(key)) if key.kind() == ValueKind::String)
        });
        let replacement = replace(instruction, after_name)
            .map_err(|message| (compiled.get_line(index), message))?;
        rewritten.extend(replacement.into_iter().map(|new| (index, new)));
        index += 1;
    }
    places.push(place(rewritten.len()));
    let mut result = Instructions::new(compiled.name(), compiled.source());
    for (origin, mut instruction) in rewritten {
        move_target(&mut instruction, &places);
        match (compiled.get_span(origin), compiled.get_line(origin)) {
            (Some(span), _) => result.add_with_span(instruction, span),
            (None, Some(line)) => {
                result.add_with_line(instruction, u16::try_from(line).unwrap_or(u16::MAX))
            }
            (None, None) => result.add(instruction),
        };
    }
    Ok(result)
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Updates the target of a jump after instructions moved.
fn move_target(instruction: &mut Instruction<'_>, places: &[u32]) {
    use Instruction as I;
    if let I::Jump(target)
    | I::JumpIfFalse(target)
    | I::JumpIfFalseOrPop(target)
    | I::JumpIfTrueOrPop(target)
    | I::Iterate(target)
    | I::BuildMacro(_, target, _) = instruction
        && let Some(moved) = usize::try_from(*target).ok().and_then(|t| places.get(t))
    {
        *target = *moved;
    }
}

const fn filter<'a>(name: &'static str, operands: u16) -> Instruction<'a> {
    Instruction::ApplyFilter(name, Some(operands), NOT_CACHED)
}

/// The instructions that replace `instruction`. `after_name` is whether a constant text precedes it.
fn replace<'a>(
    instruction: &Instruction<'a>,
    after_name: bool,
) -> Result<Vec<Instruction<'a>>, String> {
    use Instruction as I;
    let weighed = || filter("~weighed", 1);
    Ok(match instruction {
        I::EmitRaw(text) => vec![
            I::LoadConst(minijinja::Value::from_safe_string((*text).to_owned())),
            I::Emit,
        ],
        I::Add => vec![filter("~add", 2)],
        I::Sub => vec![filter("~sub", 2)],
        I::Mul => vec![filter("~mul", 2)],
        I::Div => vec![filter("~div", 2)],
        I::IntDiv => vec![filter("~intdiv", 2)],
        I::Rem => vec![filter("~rem", 2)],
        I::Pow => vec![filter("~pow", 2)],
        I::Neg => vec![filter("~number", 1), I::Neg],
        I::StringConcat => vec![filter("~concat", 2)],
        I::Eq => vec![filter("~eq", 2)],
        I::Ne => vec![filter("~ne", 2)],
        I::Gt => vec![filter("~gt", 2)],
        I::Gte => vec![filter("~gte", 2)],
        I::Lt => vec![filter("~lt", 2)],
        I::Lte => vec![filter("~lte", 2)],
        I::In => vec![filter("~in", 2)],
        I::Slice => vec![filter("~slice", 4)],
        // The engine looks the filter up by name, and uses the name in its errors.
        I::GetItem if !after_name => vec![filter("~item", 2)],
        I::BuildMap(_) | I::BuildList(_) | I::BuildTuple(_) => vec![instruction.clone(), weighed()],
        I::SetAttr(_) => vec![I::Swap, filter("~scalar", 1), I::Swap, instruction.clone()],
        I::PushLoop(_) => return Ok(vec![weighed(), instruction.clone()]),
        I::ApplyFilter(name, ..) if !functions::is_filter(name) => {
            return Err(format!("there is no filter {name}"));
        }
        I::PerformTest(name, ..) if !functions::is_test(name) => {
            return Err(format!("there is no test {name}"));
        }
        I::ApplyFilter(_, None, _)
        | I::PerformTest(_, None, _)
        | I::CallFunction(_, None)
        | I::MergeKwargs(_)
        | I::UnpackLists(_) => {
            return Err("arguments cannot be unpacked with * here".to_owned());
        }
        I::CompareAndPreserve(_) => {
            return Err("comparisons cannot be chained: write a < b and b < c".to_owned());
        }
        I::CallMethod(name, _) if *name != "cycle" => {
            return Err(format!("there is no method {name}"));
        }
        I::CallMethod(_, None) | I::CallObject(_) => {
            return Err("only functions and macros can be called".to_owned());
        }
        I::CallFunction("super", _)
        | I::CallBlock(_)
        | I::LoadBlocks
        | I::Include(_)
        | I::ExportLocals
        | I::FastSuper => {
            return Err(
                "a template stands alone: blocks, extends, include and import are not on offer"
                    .to_owned(),
            );
        }
        _ => vec![instruction.clone()],
    })
}
