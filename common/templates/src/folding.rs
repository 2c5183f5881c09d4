//! Finds constants that the engine would compute while it compiles.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};

/// The line of an expression that repeats a constant text or list, such as `"x" * 100000000`. The engine would compute
/// the expression while it compiles, before the cost is counted.
pub(super) fn repetition(statement: &Stmt<'_>) -> Option<usize> {
    let (expressions, bodies) = children_of(statement);
    let mut found = None;
    for expression in expressions {
        constant(expression, &mut found);
    }
    let mut bodies = bodies.into_iter().flatten();
    found.or_else(|| bodies.find_map(repetition))
}

/// The expressions of a statement, and the statements in it.
fn children_of<'t, 'a>(statement: &'t Stmt<'a>) -> (Vec<&'t Expr<'a>>, Vec<&'t [Stmt<'a>]>) {
    match statement {
        Stmt::Template(s) => (vec![], vec![&s.children]),
        Stmt::EmitExpr(s) => (vec![&s.expr], vec![]),
        Stmt::EmitRaw(_) => (vec![], vec![]),
        Stmt::ForLoop(s) => {
            let condition = s.filter_expr.iter();
            let expressions = condition.chain([&s.iter]).collect();
            (expressions, vec![&s.body, &s.else_body])
        }
        Stmt::IfCond(s) => (vec![&s.expr], vec![&s.true_body, &s.false_body]),
        Stmt::WithBlock(s) => {
            let values = s.assignments.iter().map(|(_, value)| value);
            (values.collect(), vec![&s.body])
        }
        Stmt::Set(s) => (vec![&s.target, &s.expr], vec![]),
        Stmt::SetBlock(s) => (s.filter.iter().collect(), vec![&s.body]),
        Stmt::AutoEscape(s) => (vec![&s.enabled], vec![&s.body]),
        Stmt::FilterBlock(s) => (vec![&s.filter], vec![&s.body]),
        Stmt::Macro(s) => (s.defaults.iter().collect(), vec![&s.body]),
        Stmt::CallBlock(s) => {
            let declared = &s.macro_decl;
            let values = arguments(&s.call.args).chain(&declared.defaults);
            (values.chain([&s.call.expr]).collect(), vec![&declared.body])
        }
        Stmt::Do(s) => {
            let values = arguments(&s.call.args).chain([&s.call.expr]);
            (values.collect(), vec![])
        }
        Stmt::Block(s) => (vec![], vec![&s.body]),
        Stmt::Include(s) => (vec![&s.name], vec![]),
        Stmt::Extends(s) => (vec![&s.name], vec![]),
        Stmt::Import(s) => (vec![&s.expr, &s.name], vec![]),
        Stmt::FromImport(s) => (vec![&s.expr], vec![]),
    }
}

fn arguments<'t, 'a>(arguments: &'t [CallArg<'a>]) -> impl Iterator<Item = &'t Expr<'a>> {
    use CallArg as A;
    arguments.iter().map(|argument| match argument {
        A::Pos(value) | A::Kwarg(_, value) | A::PosSplat(value) | A::KwargSplat(value) => value,
    })
}

/// The operands of an expression.
fn operands<'t, 'a>(expression: &'t Expr<'a>) -> Vec<&'t Expr<'a>> {
    match expression {
        Expr::Var(_) | Expr::Const(_) => vec![],
        Expr::Slice(e) => {
            let bounds = [&e.start, &e.stop, &e.step].into_iter().flatten();
            bounds.chain([&e.expr]).collect()
        }
        Expr::UnaryOp(e) => vec![&e.expr],
        Expr::BinOp(e) => vec![&e.left, &e.right],
        Expr::Compare(e) => e.ops.iter().map(|op| &op.expr).chain([&e.expr]).collect(),
        Expr::IfExpr(e) => {
            let branches = [&e.test_expr, &e.true_expr].into_iter();
            branches.chain(&e.false_expr).collect()
        }
        Expr::Filter(e) => arguments(&e.args).chain(&e.expr).collect(),
        Expr::Test(e) => arguments(&e.args).chain([&e.expr]).collect(),
        Expr::GetAttr(e) => vec![&e.expr],
        Expr::GetItem(e) => vec![&e.expr, &e.subscript_expr],
        Expr::Call(e) => arguments(&e.args).chain([&e.expr]).collect(),
        Expr::List(e) => e.items.iter().collect(),
        Expr::Tuple(e) => e.items.iter().collect(),
        Expr::Map(e) => e.keys.iter().chain(&e.values).collect(),
    }
}

/// The kind of a constant, which the engine computes while it compiles.
#[derive(Clone, Copy, PartialEq)]
enum Constant {
    Number,
    /// A text, a list or a map.
    Long,
}

/// The kind of constant that an expression is, if it is constant. Sets `found` to the line of a repetition.
fn constant(expression: &Expr<'_>, found: &mut Option<usize>) -> Option<Constant> {
    let operands = operands(expression);
    // Checks all operands, because each may contain a repetition.
    let operands: Vec<_> = operands.into_iter().map(|e| constant(e, found)).collect();
    let long = operands.contains(&Some(Constant::Long));
    let known = operands.iter().all(Option::is_some);
    let long = match expression {
        Expr::Const(e) => e.value.as_str().is_some(),
        Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => true,
        Expr::UnaryOp(_) | Expr::Compare(_) => false,
        Expr::BinOp(e) => {
            if known && long && matches!(e.op, BinOpKind::Mul) {
                *found = Some(usize::from(e.span().start_line));
            }
            long || matches!(e.op, BinOpKind::Concat)
        }
        _ => return None,
    };
    let constant = if long {
        Constant::Long
    } else {
        Constant::Number
    };
    known.then_some(constant)
}
